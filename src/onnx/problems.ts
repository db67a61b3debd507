import { fail, onnxMessages as messages, type Diagnostic } from '../core/index.ts';

/** Collects what is wrong with one file. Errors beyond `shown` are only counted: one bad byte can break thousands of fields. */
export interface Problems {
  readonly add: (diagnostic: Diagnostic) => void;
  /** Throws the errors if there are any; otherwise gives the warnings. */
  readonly settle: () => readonly Diagnostic[];
}

const shown = 20;

export function collectProblems(file: string | undefined): Problems {
  const errors: Diagnostic[] = [];
  const others: Diagnostic[] = [];
  let hidden = 0;
  const at = (d: Diagnostic): Diagnostic => (file === undefined ? d : { ...d, location: { file } });
  return {
    add: (diagnostic) => {
      if (diagnostic.severity !== 'error') others.push(at(diagnostic));
      else if (errors.length < shown) errors.push(at(diagnostic));
      else hidden++;
    },
    settle: () => {
      if (hidden > 0) errors.push(at(messages.moreProblems({ count: hidden })));
      if (errors.length > 0) fail(...errors);
      return others;
    },
  };
}

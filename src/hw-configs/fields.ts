/** The schema seen as paths: which fields a description has, what each of them is, and which keys could stand where. */
import * as z from 'zod';
import { descriptionSchema, roleOf, type FieldRole } from './schema.ts';
import { isDataMap, type Data, type DataMap, type Path } from './source.ts';

/** A field with a role; `data` is its default where the description leaves it out. */
export interface Field {
  readonly path: Path;
  readonly role: FieldRole;
  readonly data: Data;
}

/** All fields with a role that `data` has or defaults, in schema order. Parts of the wrong type are passed over. */
export function fieldsOf(data: DataMap): readonly Field[] {
  const fields: Field[] = [];
  const visit = (given: z.ZodType, part: Data | undefined, path: Path): void => {
    const { schema, otherwise } = unwrapped(given);
    const here = part ?? otherwise;
    if (here === undefined) return;
    const role = roleOf(schema);
    if (role !== undefined) fields.push({ path, role, data: here });
    if (schema instanceof z.ZodArray) {
      if (Array.isArray(here)) here.forEach((item: Data, i) => visit(schema.element as z.ZodType, item, [...path, String(i)]));
      return;
    }
    if (!isDataMap(here)) return;
    for (const key of partKeys(schema, here)) {
      const inner = schemaOfKey(schema, here, key);
      if (inner !== null) visit(inner, Object.hasOwn(here, key) ? here[key] : undefined, [...path, key]);
    }
  };
  visit(descriptionSchema, data, []);
  return fields;
}

/** The schema of the field at `path`, choosing between kinds of engine by what `data` says; null where no field can be. */
export function schemaAt(path: Path, data: DataMap): z.ZodType | null {
  let schema: z.ZodType = unwrapped(descriptionSchema).schema;
  let part: Data | undefined = data;
  for (const key of path) {
    const inner: z.ZodType | null =
      schema instanceof z.ZodArray ? (schema.element as z.ZodType) : schemaOfKey(schema, isDataMap(part) ? part : {}, key);
    if (inner === null) return null;
    schema = unwrapped(inner).schema;
    part = Array.isArray(part) ? (part as readonly Data[])[Number(key)] : isDataMap(part) ? part[key] : undefined;
  }
  return schema;
}

/** Keys that may stand in a map of this schema: those of the schema, or for a map of named things those it has. */
export function keysOf(given: z.ZodType, data: Data | undefined): readonly string[] {
  return partKeys(unwrapped(given).schema, isDataMap(data) ? data : {});
}

/** What the field is, in the words of the schema. */
export function meaningOf(schema: z.ZodType): string {
  return schema.description ?? '';
}

function partKeys(schema: z.ZodType, data: DataMap): readonly string[] {
  const chosen = chosenOption(schema, data);
  if (chosen instanceof z.ZodObject) return Object.keys(chosen.shape);
  if (chosen instanceof z.ZodRecord) return Object.keys(data);
  return chosen instanceof z.ZodDiscriminatedUnion ? ['kind'] : [];
}

function schemaOfKey(schema: z.ZodType, data: DataMap, key: string): z.ZodType | null {
  const chosen = chosenOption(schema, data);
  if (chosen instanceof z.ZodObject) return Object.hasOwn(chosen.shape, key) ? (chosen.shape[key] as z.ZodType) : null;
  if (chosen instanceof z.ZodRecord) return chosen.valueType as z.ZodType;
  if (chosen instanceof z.ZodDiscriminatedUnion && key === 'kind') return z.enum(kindsOf(chosen)).describe('The kind of engine.');
  return null;
}

/** Of a union by `kind`, the option that `data` names; the union itself when it names none. */
function chosenOption(schema: z.ZodType, data: DataMap): z.ZodType {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const options = schema.options as readonly z.ZodObject[];
  return options.find((option) => literalOf(option) === data['kind']) ?? schema;
}

function kindsOf(union: z.ZodDiscriminatedUnion): string[] {
  return (union.options as readonly z.ZodObject[]).map((option) => String(literalOf(option)));
}

function literalOf(option: z.ZodObject): unknown {
  const kind: unknown = option.shape['kind'];
  return kind instanceof z.ZodLiteral ? kind.value : undefined;
}

function unwrapped(given: z.ZodType): { readonly schema: z.ZodType; readonly otherwise: Data | undefined } {
  let schema = given;
  let otherwise: Data | undefined;
  while (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    if (schema instanceof z.ZodDefault) otherwise = schema.def.defaultValue as Data;
    schema = schema.unwrap() as z.ZodType;
  }
  return { schema, otherwise };
}

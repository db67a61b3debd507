// Generated from program.proto by scripts/generate-codec.mjs. Do not edit.
import type * as $protobuf from "protobufjs/minimal.js";
interface Long { readonly low: number; readonly high: number; readonly unsigned: boolean }

export namespace systole {

    interface IExecutable extends systole.Executable.$Properties {
    }

    class Executable {
        constructor(properties?: systole.Executable.$Properties);
        $unknowns?: Uint8Array[];
        model: systole.Model;
        target: systole.Target;
        options: systole.Option[];
        spaces: string[];
        regions: systole.Region[];
        programs: systole.Program[];
        entryPoints: systole.EntryPoint[];
        kernels: systole.Kernel[];
        nodes: systole.NodeFate[];
        hostSegments: systole.HostSegment[];
        weights: systole.Weights;
        diagnostics: systole.Diagnostic[];
        static encode(message: systole.Executable.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Executable & systole.Executable.$Shape;
    }

    namespace Executable {
        interface $Properties {
            model?: systole.Model.$Properties;
            target?: systole.Target.$Properties;
            options?: systole.Option.$Properties[];
            spaces?: string[];
            regions?: systole.Region.$Properties[];
            programs?: systole.Program.$Properties[];
            entryPoints?: systole.EntryPoint.$Properties[];
            kernels?: systole.Kernel.$Properties[];
            nodes?: systole.NodeFate.$Properties[];
            hostSegments?: systole.HostSegment.$Properties[];
            weights?: systole.Weights.$Properties;
            diagnostics?: systole.Diagnostic.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          model?: systole.Model.$Shape;
          target?: systole.Target.$Shape;
          options?: systole.Option.$Shape[];
          spaces?: string[];
          regions?: systole.Region.$Shape[];
          programs?: systole.Program.$Shape[];
          entryPoints?: systole.EntryPoint.$Shape[];
          kernels?: systole.Kernel.$Shape[];
          nodes?: systole.NodeFate.$Shape[];
          hostSegments?: systole.HostSegment.$Shape[];
          weights?: systole.Weights.$Shape;
          diagnostics?: systole.Diagnostic.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface IModel extends systole.Model.$Properties {
    }

    class Model {
        constructor(properties?: systole.Model.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        sha256: string;
        macs: number;
        parameterBytes: number;
        opset: number;
        static encode(message: systole.Model.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Model & systole.Model.$Shape;
    }

    namespace Model {
        interface $Properties {
            name?: string;
            sha256?: string;
            macs?: number;
            parameterBytes?: number;
            opset?: number;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Model.$Properties;
    }

    interface ITarget extends systole.Target.$Properties {
    }

    class Target {
        constructor(properties?: systole.Target.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        planHash: string;
        static encode(message: systole.Target.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Target & systole.Target.$Shape;
    }

    namespace Target {
        interface $Properties {
            name?: string;
            planHash?: string;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Target.$Properties;
    }

    interface IOption extends systole.Option.$Properties {
    }

    class Option {
        constructor(properties?: systole.Option.$Properties);
        $unknowns?: Uint8Array[];
        key: string;
        text: (string|null);
        number: (number|null);
        flag: (boolean|null);
        texts: (systole.Texts|null);
        value?: ("text"|"number"|"flag"|"texts");
        static encode(message: systole.Option.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Option & systole.Option.$Shape;
    }

    namespace Option {
        interface $Properties {
            key?: string;
            text?: (string|null);
            number?: (number|null);
            flag?: (boolean|null);
            texts?: (systole.Texts.$Properties|null);
            value?: ("text"|"number"|"flag"|"texts");
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          key?: string;
          text?: string|null;
          number?: number|null;
          flag?: boolean|null;
          texts?: systole.Texts.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ value?: undefined; text?: null; number?: null; flag?: null; texts?: null }|{ value?: "text"; text: string; number?: null; flag?: null; texts?: null }|{ value?: "number"; text?: null; number: number; flag?: null; texts?: null }|{ value?: "flag"; text?: null; number?: null; flag: boolean; texts?: null }|{ value?: "texts"; text?: null; number?: null; flag?: null; texts: systole.Texts.$Shape })
        );
    }

    interface ITexts extends systole.Texts.$Properties {
    }

    class Texts {
        constructor(properties?: systole.Texts.$Properties);
        $unknowns?: Uint8Array[];
        items: string[];
        static encode(message: systole.Texts.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Texts & systole.Texts.$Shape;
    }

    namespace Texts {
        interface $Properties {
            items?: string[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Texts.$Properties;
    }

    interface IRegion extends systole.Region.$Properties {
    }

    class Region {
        constructor(properties?: systole.Region.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        kind: number;
        space: number;
        bytes: number;
        alignment: number;
        static encode(message: systole.Region.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Region & systole.Region.$Shape;
    }

    namespace Region {
        interface $Properties {
            name?: string;
            kind?: number;
            space?: number;
            bytes?: number;
            alignment?: number;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Region.$Properties;
    }

    interface IProgram extends systole.Program.$Properties {
    }

    class Program {
        constructor(properties?: systole.Program.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        rows: number;
        forms: number;
        formStream: Uint8Array;
        rowStream: Uint8Array;
        numberValues: number[];
        numbers: number;
        numberStream: Uint8Array;
        static encode(message: systole.Program.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Program & systole.Program.$Shape;
    }

    namespace Program {
        interface $Properties {
            name?: string;
            rows?: number;
            forms?: number;
            formStream?: Uint8Array;
            rowStream?: Uint8Array;
            numberValues?: number[];
            numbers?: number;
            numberStream?: Uint8Array;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Program.$Properties;
    }

    interface IEntryPoint extends systole.EntryPoint.$Properties {
    }

    class EntryPoint {
        constructor(properties?: systole.EntryPoint.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        program: number;
        inputs: systole.TensorBinding[];
        outputs: systole.TensorBinding[];
        scalars: string[];
        static encode(message: systole.EntryPoint.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.EntryPoint & systole.EntryPoint.$Shape;
    }

    namespace EntryPoint {
        interface $Properties {
            name?: string;
            program?: number;
            inputs?: systole.TensorBinding.$Properties[];
            outputs?: systole.TensorBinding.$Properties[];
            scalars?: string[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.EntryPoint.$Properties;
    }

    interface ITensorBinding extends systole.TensorBinding.$Properties {
    }

    class TensorBinding {
        constructor(properties?: systole.TensorBinding.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        region: number;
        offset: number;
        dtype: string;
        shape: number[];
        quantization: systole.Quantization;
        strides: number[];
        static encode(message: systole.TensorBinding.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.TensorBinding & systole.TensorBinding.$Shape;
    }

    namespace TensorBinding {
        interface $Properties {
            name?: string;
            region?: number;
            offset?: number;
            dtype?: string;
            shape?: number[];
            quantization?: systole.Quantization.$Properties;
            strides?: number[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.TensorBinding.$Properties;
    }

    interface IQuantization extends systole.Quantization.$Properties {
    }

    class Quantization {
        constructor(properties?: systole.Quantization.$Properties);
        $unknowns?: Uint8Array[];
        scale: number;
        zeroPoint: number;
        placeholder: boolean;
        static encode(message: systole.Quantization.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Quantization & systole.Quantization.$Shape;
    }

    namespace Quantization {
        interface $Properties {
            scale?: number;
            zeroPoint?: number;
            placeholder?: boolean;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Quantization.$Properties;
    }

    interface IKernel extends systole.Kernel.$Properties {
    }

    class Kernel {
        constructor(properties?: systole.Kernel.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        origin: string[];
        kernelClass: string;
        engine: string;
        dtype: string;
        macs: number;
        contraction: (systole.Contraction|null);
        vectorLaneTicks: (number|null);
        none: (boolean|null);
        host: (systole.HostWork|null);
        attention: (systole.Attention|null);
        cold: systole.Cold[];
        mapping: string;
        tiles: number;
        estimateCycles: number;
        work?: ("contraction"|"vectorLaneTicks"|"none"|"host"|"attention");
        static encode(message: systole.Kernel.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Kernel & systole.Kernel.$Shape;
    }

    namespace Kernel {
        interface $Properties {
            name?: string;
            origin?: string[];
            kernelClass?: string;
            engine?: string;
            dtype?: string;
            macs?: number;
            contraction?: (systole.Contraction.$Properties|null);
            vectorLaneTicks?: (number|null);
            none?: (boolean|null);
            host?: (systole.HostWork.$Properties|null);
            attention?: (systole.Attention.$Properties|null);
            cold?: systole.Cold.$Properties[];
            mapping?: string;
            tiles?: number;
            estimateCycles?: number;
            work?: ("contraction"|"vectorLaneTicks"|"none"|"host"|"attention");
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          name?: string;
          origin?: string[];
          kernelClass?: string;
          engine?: string;
          dtype?: string;
          macs?: number;
          contraction?: systole.Contraction.$Shape|null;
          vectorLaneTicks?: number|null;
          none?: boolean|null;
          host?: systole.HostWork.$Shape|null;
          attention?: systole.Attention.$Shape|null;
          cold?: systole.Cold.$Shape[];
          mapping?: string;
          tiles?: number;
          estimateCycles?: number;
          $unknowns?: Uint8Array[];
        } & (
          ({ work?: undefined; contraction?: null; vectorLaneTicks?: null; none?: null; host?: null; attention?: null }|{ work?: "contraction"; contraction: systole.Contraction.$Shape; vectorLaneTicks?: null; none?: null; host?: null; attention?: null }|{ work?: "vectorLaneTicks"; contraction?: null; vectorLaneTicks: number; none?: null; host?: null; attention?: null }|{ work?: "none"; contraction?: null; vectorLaneTicks?: null; none: boolean; host?: null; attention?: null }|{ work?: "host"; contraction?: null; vectorLaneTicks?: null; none?: null; host: systole.HostWork.$Shape; attention?: null }|{ work?: "attention"; contraction?: null; vectorLaneTicks?: null; none?: null; host?: null; attention: systole.Attention.$Shape })
        );
    }

    interface IContraction extends systole.Contraction.$Properties {
    }

    class Contraction {
        constructor(properties?: systole.Contraction.$Properties);
        $unknowns?: Uint8Array[];
        depthwise: boolean;
        groups: number;
        m: number;
        n: number;
        channels: number;
        taps: number;
        batches: number;
        vectorLaneTicks: number;
        static encode(message: systole.Contraction.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Contraction & systole.Contraction.$Shape;
    }

    namespace Contraction {
        interface $Properties {
            depthwise?: boolean;
            groups?: number;
            m?: number;
            n?: number;
            channels?: number;
            taps?: number;
            batches?: number;
            vectorLaneTicks?: number;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Contraction.$Properties;
    }

    interface IAttention extends systole.Attention.$Properties {
    }

    class Attention {
        constructor(properties?: systole.Attention.$Properties);
        $unknowns?: Uint8Array[];
        batches: number;
        m: number;
        keys: number;
        size: number;
        valueSize: number;
        vectorLaneTicks: number;
        static encode(message: systole.Attention.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Attention & systole.Attention.$Shape;
    }

    namespace Attention {
        interface $Properties {
            batches?: number;
            m?: number;
            keys?: number;
            size?: number;
            valueSize?: number;
            vectorLaneTicks?: number;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Attention.$Properties;
    }

    interface IHostWork extends systole.HostWork.$Properties {
    }

    class HostWork {
        constructor(properties?: systole.HostWork.$Properties);
        $unknowns?: Uint8Array[];
        ops: number;
        bytes: number;
        static encode(message: systole.HostWork.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.HostWork & systole.HostWork.$Shape;
    }

    namespace HostWork {
        interface $Properties {
            ops?: number;
            bytes?: number;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.HostWork.$Properties;
    }

    interface ICold extends systole.Cold.$Properties {
    }

    class Cold {
        constructor(properties?: systole.Cold.$Properties);
        $unknowns?: Uint8Array[];
        space: number;
        write: boolean;
        operand: string;
        bytes: number;
        static encode(message: systole.Cold.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Cold & systole.Cold.$Shape;
    }

    namespace Cold {
        interface $Properties {
            space?: number;
            write?: boolean;
            operand?: string;
            bytes?: number;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Cold.$Properties;
    }

    interface INodeFate extends systole.NodeFate.$Properties {
    }

    class NodeFate {
        constructor(properties?: systole.NodeFate.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        opType: string;
        fate: string;
        kernel: number;
        static encode(message: systole.NodeFate.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.NodeFate & systole.NodeFate.$Shape;
    }

    namespace NodeFate {
        interface $Properties {
            name?: string;
            opType?: string;
            fate?: string;
            kernel?: number;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.NodeFate.$Properties;
    }

    interface IHostSegment extends systole.HostSegment.$Properties {
    }

    class HostSegment {
        constructor(properties?: systole.HostSegment.$Properties);
        $unknowns?: Uint8Array[];
        name: string;
        graph: string;
        static encode(message: systole.HostSegment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.HostSegment & systole.HostSegment.$Shape;
    }

    namespace HostSegment {
        interface $Properties {
            name?: string;
            graph?: string;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.HostSegment.$Properties;
    }

    interface IWeights extends systole.Weights.$Properties {
    }

    class Weights {
        constructor(properties?: systole.Weights.$Properties);
        $unknowns?: Uint8Array[];
        region: number;
        bytes: number;
        embedded: boolean;
        absent: (string|null);
        segments: systole.WeightSegment[];
        static encode(message: systole.Weights.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Weights & systole.Weights.$Shape;
    }

    namespace Weights {
        interface $Properties {
            region?: number;
            bytes?: number;
            embedded?: boolean;
            absent?: (string|null);
            segments?: systole.WeightSegment.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Weights.$Properties;
    }

    interface IWeightSegment extends systole.WeightSegment.$Properties {
    }

    class WeightSegment {
        constructor(properties?: systole.WeightSegment.$Properties);
        $unknowns?: Uint8Array[];
        offset: number;
        bytes: number;
        hash: string;
        static encode(message: systole.WeightSegment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.WeightSegment & systole.WeightSegment.$Shape;
    }

    namespace WeightSegment {
        interface $Properties {
            offset?: number;
            bytes?: number;
            hash?: string;
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.WeightSegment.$Properties;
    }

    interface IDiagnostic extends systole.Diagnostic.$Properties {
    }

    class Diagnostic {
        constructor(properties?: systole.Diagnostic.$Properties);
        $unknowns?: Uint8Array[];
        code: string;
        severity: string;
        message: string;
        origin: string[];
        file: (string|null);
        line: (number|null);
        column: (number|null);
        static encode(message: systole.Diagnostic.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): systole.Diagnostic & systole.Diagnostic.$Shape;
    }

    namespace Diagnostic {
        interface $Properties {
            code?: string;
            severity?: string;
            message?: string;
            origin?: string[];
            file?: (string|null);
            line?: (number|null);
            column?: (number|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = systole.Diagnostic.$Properties;
    }
}

export const fields: Readonly<Record<string, Readonly<Record<number, readonly [name: string, type: string]>>>>;

export const Reader: typeof $protobuf.Reader;
export type Reader = $protobuf.Reader;

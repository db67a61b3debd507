// Generated from onnx.proto by scripts/generate-codec.mjs. Do not edit.
import type * as $protobuf from "protobufjs/minimal.js";
interface Long { readonly low: number; readonly high: number; readonly unsigned: boolean }

export namespace onnx {

    interface IModelProto extends onnx.ModelProto.$Properties {
    }

    class ModelProto {
        constructor(properties?: onnx.ModelProto.$Properties);
        $unknowns?: Uint8Array[];
        irVersion: (number|Long|null);
        producerName: (string|null);
        producerVersion: (string|null);
        domain: (string|null);
        modelVersion: (number|Long|null);
        docString: (string|null);
        graph: (onnx.GraphProto|null);
        opsetImport: onnx.OperatorSetIdProto[];
        metadataProps: onnx.StringStringEntryProto[];
        trainingInfo: onnx.TrainingInfoProto[];
        functions: onnx.FunctionProto[];
        configuration: onnx.DeviceConfigurationProto[];
        static encode(message: onnx.ModelProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.ModelProto & onnx.ModelProto.$Shape;
    }

    namespace ModelProto {
        interface $Properties {
            irVersion?: (number|Long|null);
            producerName?: (string|null);
            producerVersion?: (string|null);
            domain?: (string|null);
            modelVersion?: (number|Long|null);
            docString?: (string|null);
            graph?: (onnx.GraphProto.$Properties|null);
            opsetImport?: onnx.OperatorSetIdProto.$Properties[];
            metadataProps?: onnx.StringStringEntryProto.$Properties[];
            trainingInfo?: onnx.TrainingInfoProto.$Properties[];
            functions?: onnx.FunctionProto.$Properties[];
            configuration?: onnx.DeviceConfigurationProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          irVersion?: number|Long|null;
          producerName?: string|null;
          producerVersion?: string|null;
          domain?: string|null;
          modelVersion?: number|Long|null;
          docString?: string|null;
          graph?: onnx.GraphProto.$Shape|null;
          opsetImport?: onnx.OperatorSetIdProto.$Shape[];
          metadataProps?: onnx.StringStringEntryProto.$Shape[];
          trainingInfo?: onnx.TrainingInfoProto.$Shape[];
          functions?: onnx.FunctionProto.$Shape[];
          configuration?: onnx.DeviceConfigurationProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface IOperatorSetIdProto extends onnx.OperatorSetIdProto.$Properties {
    }

    class OperatorSetIdProto {
        constructor(properties?: onnx.OperatorSetIdProto.$Properties);
        $unknowns?: Uint8Array[];
        domain: (string|null);
        version: (number|Long|null);
        static encode(message: onnx.OperatorSetIdProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.OperatorSetIdProto & onnx.OperatorSetIdProto.$Shape;
    }

    namespace OperatorSetIdProto {
        interface $Properties {
            domain?: (string|null);
            version?: (number|Long|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.OperatorSetIdProto.$Properties;
    }

    interface IStringStringEntryProto extends onnx.StringStringEntryProto.$Properties {
    }

    class StringStringEntryProto {
        constructor(properties?: onnx.StringStringEntryProto.$Properties);
        $unknowns?: Uint8Array[];
        key: (string|null);
        value: (string|null);
        static encode(message: onnx.StringStringEntryProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.StringStringEntryProto & onnx.StringStringEntryProto.$Shape;
    }

    namespace StringStringEntryProto {
        interface $Properties {
            key?: (string|null);
            value?: (string|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.StringStringEntryProto.$Properties;
    }

    interface IIntIntListEntryProto extends onnx.IntIntListEntryProto.$Properties {
    }

    class IntIntListEntryProto {
        constructor(properties?: onnx.IntIntListEntryProto.$Properties);
        $unknowns?: Uint8Array[];
        key: (number|Long|null);
        value: (number|Long)[];
        static encode(message: onnx.IntIntListEntryProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.IntIntListEntryProto & onnx.IntIntListEntryProto.$Shape;
    }

    namespace IntIntListEntryProto {
        interface $Properties {
            key?: (number|Long|null);
            value?: (number|Long)[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.IntIntListEntryProto.$Properties;
    }

    interface IGraphProto extends onnx.GraphProto.$Properties {
    }

    class GraphProto {
        constructor(properties?: onnx.GraphProto.$Properties);
        $unknowns?: Uint8Array[];
        node: onnx.NodeProto[];
        name: (string|null);
        initializer: onnx.TensorProto[];
        docString: (string|null);
        input: onnx.ValueInfoProto[];
        output: onnx.ValueInfoProto[];
        valueInfo: onnx.ValueInfoProto[];
        quantizationAnnotation: onnx.TensorAnnotation[];
        sparseInitializer: onnx.SparseTensorProto[];
        metadataProps: onnx.StringStringEntryProto[];
        static encode(message: onnx.GraphProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.GraphProto & onnx.GraphProto.$Shape;
    }

    namespace GraphProto {
        interface $Properties {
            node?: onnx.NodeProto.$Properties[];
            name?: (string|null);
            initializer?: onnx.TensorProto.$Properties[];
            docString?: (string|null);
            input?: onnx.ValueInfoProto.$Properties[];
            output?: onnx.ValueInfoProto.$Properties[];
            valueInfo?: onnx.ValueInfoProto.$Properties[];
            quantizationAnnotation?: onnx.TensorAnnotation.$Properties[];
            sparseInitializer?: onnx.SparseTensorProto.$Properties[];
            metadataProps?: onnx.StringStringEntryProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          node?: onnx.NodeProto.$Shape[];
          name?: string|null;
          initializer?: onnx.TensorProto.$Shape[];
          docString?: string|null;
          input?: onnx.ValueInfoProto.$Shape[];
          output?: onnx.ValueInfoProto.$Shape[];
          valueInfo?: onnx.ValueInfoProto.$Shape[];
          quantizationAnnotation?: onnx.TensorAnnotation.$Shape[];
          sparseInitializer?: onnx.SparseTensorProto.$Shape[];
          metadataProps?: onnx.StringStringEntryProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface INodeProto extends onnx.NodeProto.$Properties {
    }

    class NodeProto {
        constructor(properties?: onnx.NodeProto.$Properties);
        $unknowns?: Uint8Array[];
        input: string[];
        output: string[];
        name: (string|null);
        opType: (string|null);
        attribute: onnx.AttributeProto[];
        docString: (string|null);
        domain: (string|null);
        overload: (string|null);
        metadataProps: onnx.StringStringEntryProto[];
        deviceConfigurations: onnx.NodeDeviceConfigurationProto[];
        static encode(message: onnx.NodeProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.NodeProto & onnx.NodeProto.$Shape;
    }

    namespace NodeProto {
        interface $Properties {
            input?: string[];
            output?: string[];
            name?: (string|null);
            opType?: (string|null);
            attribute?: onnx.AttributeProto.$Properties[];
            docString?: (string|null);
            domain?: (string|null);
            overload?: (string|null);
            metadataProps?: onnx.StringStringEntryProto.$Properties[];
            deviceConfigurations?: onnx.NodeDeviceConfigurationProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          input?: string[];
          output?: string[];
          name?: string|null;
          opType?: string|null;
          attribute?: onnx.AttributeProto.$Shape[];
          docString?: string|null;
          domain?: string|null;
          overload?: string|null;
          metadataProps?: onnx.StringStringEntryProto.$Shape[];
          deviceConfigurations?: onnx.NodeDeviceConfigurationProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface IAttributeProto extends onnx.AttributeProto.$Properties {
    }

    class AttributeProto {
        constructor(properties?: onnx.AttributeProto.$Properties);
        $unknowns?: Uint8Array[];
        name: (string|null);
        f: (number|null);
        i: (number|Long|null);
        s: (Uint8Array|null);
        t: (onnx.TensorProto|null);
        g: (onnx.GraphProto|null);
        floats: number[];
        ints: (number|Long)[];
        strings: Uint8Array[];
        tensors: onnx.TensorProto[];
        graphs: onnx.GraphProto[];
        docString: (string|null);
        tp: (onnx.TypeProto|null);
        typeProtos: onnx.TypeProto[];
        type: (number|null);
        refAttrName: (string|null);
        sparseTensor: (onnx.SparseTensorProto|null);
        sparseTensors: onnx.SparseTensorProto[];
        static encode(message: onnx.AttributeProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.AttributeProto & onnx.AttributeProto.$Shape;
    }

    namespace AttributeProto {
        interface $Properties {
            name?: (string|null);
            f?: (number|null);
            i?: (number|Long|null);
            s?: (Uint8Array|null);
            t?: (onnx.TensorProto.$Properties|null);
            g?: (onnx.GraphProto.$Properties|null);
            floats?: number[];
            ints?: (number|Long)[];
            strings?: Uint8Array[];
            tensors?: onnx.TensorProto.$Properties[];
            graphs?: onnx.GraphProto.$Properties[];
            docString?: (string|null);
            tp?: (onnx.TypeProto.$Properties|null);
            typeProtos?: onnx.TypeProto.$Properties[];
            type?: (number|null);
            refAttrName?: (string|null);
            sparseTensor?: (onnx.SparseTensorProto.$Properties|null);
            sparseTensors?: onnx.SparseTensorProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          name?: string|null;
          f?: number|null;
          i?: number|Long|null;
          s?: Uint8Array|null;
          t?: onnx.TensorProto.$Shape|null;
          g?: onnx.GraphProto.$Shape|null;
          floats?: number[];
          ints?: (number|Long)[];
          strings?: Uint8Array[];
          tensors?: onnx.TensorProto.$Shape[];
          graphs?: onnx.GraphProto.$Shape[];
          docString?: string|null;
          tp?: onnx.TypeProto.$Shape|null;
          typeProtos?: onnx.TypeProto.$Shape[];
          type?: number|null;
          refAttrName?: string|null;
          sparseTensor?: onnx.SparseTensorProto.$Shape|null;
          sparseTensors?: onnx.SparseTensorProto.$Shape[];
          $unknowns?: Uint8Array[];
        };

        enum AttributeType {
            UNDEFINED = 0,
            FLOAT = 1,
            INT = 2,
            STRING = 3,
            TENSOR = 4,
            GRAPH = 5,
            FLOATS = 6,
            INTS = 7,
            STRINGS = 8,
            TENSORS = 9,
            GRAPHS = 10,
            SPARSE_TENSOR = 11,
            SPARSE_TENSORS = 12,
            TYPE_PROTO = 13,
            TYPE_PROTOS = 14
        }
    }

    interface ITensorProto extends onnx.TensorProto.$Properties {
    }

    class TensorProto {
        constructor(properties?: onnx.TensorProto.$Properties);
        $unknowns?: Uint8Array[];
        dims: (number|Long)[];
        dataType: (number|null);
        segment: (onnx.TensorProto.Segment|null);
        floatData: number[];
        int32Data: number[];
        stringData: Uint8Array[];
        int64Data: (number|Long)[];
        name: (string|null);
        rawData: (Uint8Array|null);
        doubleData: number[];
        uint64Data: (number|Long)[];
        docString: (string|null);
        externalData: onnx.StringStringEntryProto[];
        dataLocation: (onnx.TensorProto.DataLocation|null);
        metadataProps: onnx.StringStringEntryProto[];
        static encode(message: onnx.TensorProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TensorProto & onnx.TensorProto.$Shape;
    }

    namespace TensorProto {
        interface $Properties {
            dims?: (number|Long)[];
            dataType?: (number|null);
            segment?: (onnx.TensorProto.Segment.$Properties|null);
            floatData?: number[];
            int32Data?: number[];
            stringData?: Uint8Array[];
            int64Data?: (number|Long)[];
            name?: (string|null);
            rawData?: (Uint8Array|null);
            doubleData?: number[];
            uint64Data?: (number|Long)[];
            docString?: (string|null);
            externalData?: onnx.StringStringEntryProto.$Properties[];
            dataLocation?: (onnx.TensorProto.DataLocation|null);
            metadataProps?: onnx.StringStringEntryProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.TensorProto.$Properties;

        enum DataType {
            UNDEFINED = 0,
            FLOAT = 1,
            UINT8 = 2,
            INT8 = 3,
            UINT16 = 4,
            INT16 = 5,
            INT32 = 6,
            INT64 = 7,
            STRING = 8,
            BOOL = 9,
            FLOAT16 = 10,
            DOUBLE = 11,
            UINT32 = 12,
            UINT64 = 13,
            COMPLEX64 = 14,
            COMPLEX128 = 15,
            BFLOAT16 = 16,
            FLOAT8E4M3FN = 17,
            FLOAT8E4M3FNUZ = 18,
            FLOAT8E5M2 = 19,
            FLOAT8E5M2FNUZ = 20,
            UINT4 = 21,
            INT4 = 22,
            FLOAT4E2M1 = 23,
            FLOAT8E8M0 = 24,
            UINT2 = 25,
            INT2 = 26
        }

        enum DataLocation {
            DEFAULT = 0,
            EXTERNAL = 1
        }

        interface ISegment extends onnx.TensorProto.Segment.$Properties {
        }

        class Segment {
            constructor(properties?: onnx.TensorProto.Segment.$Properties);
            $unknowns?: Uint8Array[];
            begin: (number|Long|null);
            end: (number|Long|null);
            static encode(message: onnx.TensorProto.Segment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TensorProto.Segment & onnx.TensorProto.Segment.$Shape;
        }

        namespace Segment {
            interface $Properties {
                begin?: (number|Long|null);
                end?: (number|Long|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = onnx.TensorProto.Segment.$Properties;
        }
    }

    interface ISparseTensorProto extends onnx.SparseTensorProto.$Properties {
    }

    class SparseTensorProto {
        constructor(properties?: onnx.SparseTensorProto.$Properties);
        $unknowns?: Uint8Array[];
        values: (onnx.TensorProto|null);
        indices: (onnx.TensorProto|null);
        dims: (number|Long)[];
        static encode(message: onnx.SparseTensorProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.SparseTensorProto & onnx.SparseTensorProto.$Shape;
    }

    namespace SparseTensorProto {
        interface $Properties {
            values?: (onnx.TensorProto.$Properties|null);
            indices?: (onnx.TensorProto.$Properties|null);
            dims?: (number|Long)[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.SparseTensorProto.$Properties;
    }

    interface IValueInfoProto extends onnx.ValueInfoProto.$Properties {
    }

    class ValueInfoProto {
        constructor(properties?: onnx.ValueInfoProto.$Properties);
        $unknowns?: Uint8Array[];
        name: (string|null);
        type: (onnx.TypeProto|null);
        docString: (string|null);
        metadataProps: onnx.StringStringEntryProto[];
        static encode(message: onnx.ValueInfoProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.ValueInfoProto & onnx.ValueInfoProto.$Shape;
    }

    namespace ValueInfoProto {
        interface $Properties {
            name?: (string|null);
            type?: (onnx.TypeProto.$Properties|null);
            docString?: (string|null);
            metadataProps?: onnx.StringStringEntryProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          name?: string|null;
          type?: onnx.TypeProto.$Shape|null;
          docString?: string|null;
          metadataProps?: onnx.StringStringEntryProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface ITypeProto extends onnx.TypeProto.$Properties {
    }

    class TypeProto {
        constructor(properties?: onnx.TypeProto.$Properties);
        $unknowns?: Uint8Array[];
        tensorType: (onnx.TypeProto.Tensor|null);
        sequenceType: (onnx.TypeProto.Sequence|null);
        mapType: (onnx.TypeProto.Map|null);
        opaqueType: (onnx.TypeProto.Opaque|null);
        sparseTensorType: (onnx.TypeProto.SparseTensor|null);
        optionalType: (onnx.TypeProto.Optional|null);
        denotation: (string|null);
        value?: ("tensorType"|"sequenceType"|"mapType"|"opaqueType"|"sparseTensorType"|"optionalType");
        static encode(message: onnx.TypeProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TypeProto & onnx.TypeProto.$Shape;
    }

    namespace TypeProto {
        interface $Properties {
            tensorType?: (onnx.TypeProto.Tensor.$Properties|null);
            sequenceType?: (onnx.TypeProto.Sequence.$Properties|null);
            mapType?: (onnx.TypeProto.Map.$Properties|null);
            opaqueType?: (onnx.TypeProto.Opaque.$Properties|null);
            sparseTensorType?: (onnx.TypeProto.SparseTensor.$Properties|null);
            optionalType?: (onnx.TypeProto.Optional.$Properties|null);
            denotation?: (string|null);
            value?: ("tensorType"|"sequenceType"|"mapType"|"opaqueType"|"sparseTensorType"|"optionalType");
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          tensorType?: onnx.TypeProto.Tensor.$Shape|null;
          sequenceType?: onnx.TypeProto.Sequence.$Shape|null;
          mapType?: onnx.TypeProto.Map.$Shape|null;
          opaqueType?: onnx.TypeProto.Opaque.$Shape|null;
          sparseTensorType?: onnx.TypeProto.SparseTensor.$Shape|null;
          optionalType?: onnx.TypeProto.Optional.$Shape|null;
          denotation?: string|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ value?: undefined; tensorType?: null; sequenceType?: null; mapType?: null; opaqueType?: null; sparseTensorType?: null; optionalType?: null }|{ value?: "tensorType"; tensorType: onnx.TypeProto.Tensor.$Shape; sequenceType?: null; mapType?: null; opaqueType?: null; sparseTensorType?: null; optionalType?: null }|{ value?: "sequenceType"; tensorType?: null; sequenceType: onnx.TypeProto.Sequence.$Shape; mapType?: null; opaqueType?: null; sparseTensorType?: null; optionalType?: null }|{ value?: "mapType"; tensorType?: null; sequenceType?: null; mapType: onnx.TypeProto.Map.$Shape; opaqueType?: null; sparseTensorType?: null; optionalType?: null }|{ value?: "opaqueType"; tensorType?: null; sequenceType?: null; mapType?: null; opaqueType: onnx.TypeProto.Opaque.$Shape; sparseTensorType?: null; optionalType?: null }|{ value?: "sparseTensorType"; tensorType?: null; sequenceType?: null; mapType?: null; opaqueType?: null; sparseTensorType: onnx.TypeProto.SparseTensor.$Shape; optionalType?: null }|{ value?: "optionalType"; tensorType?: null; sequenceType?: null; mapType?: null; opaqueType?: null; sparseTensorType?: null; optionalType: onnx.TypeProto.Optional.$Shape })
        );

        interface ITensor extends onnx.TypeProto.Tensor.$Properties {
        }

        class Tensor {
            constructor(properties?: onnx.TypeProto.Tensor.$Properties);
            $unknowns?: Uint8Array[];
            elemType: (number|null);
            shape: (onnx.TensorShapeProto|null);
            static encode(message: onnx.TypeProto.Tensor.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TypeProto.Tensor & onnx.TypeProto.Tensor.$Shape;
        }

        namespace Tensor {
            interface $Properties {
                elemType?: (number|null);
                shape?: (onnx.TensorShapeProto.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              elemType?: number|null;
              shape?: onnx.TensorShapeProto.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface ISequence extends onnx.TypeProto.Sequence.$Properties {
        }

        class Sequence {
            constructor(properties?: onnx.TypeProto.Sequence.$Properties);
            $unknowns?: Uint8Array[];
            elemType: (onnx.TypeProto|null);
            static encode(message: onnx.TypeProto.Sequence.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TypeProto.Sequence & onnx.TypeProto.Sequence.$Shape;
        }

        namespace Sequence {
            interface $Properties {
                elemType?: (onnx.TypeProto.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              elemType?: onnx.TypeProto.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IMap extends onnx.TypeProto.Map.$Properties {
        }

        class Map {
            constructor(properties?: onnx.TypeProto.Map.$Properties);
            $unknowns?: Uint8Array[];
            keyType: (number|null);
            valueType: (onnx.TypeProto|null);
            static encode(message: onnx.TypeProto.Map.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TypeProto.Map & onnx.TypeProto.Map.$Shape;
        }

        namespace Map {
            interface $Properties {
                keyType?: (number|null);
                valueType?: (onnx.TypeProto.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              keyType?: number|null;
              valueType?: onnx.TypeProto.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IOpaque extends onnx.TypeProto.Opaque.$Properties {
        }

        class Opaque {
            constructor(properties?: onnx.TypeProto.Opaque.$Properties);
            $unknowns?: Uint8Array[];
            domain: (string|null);
            name: (string|null);
            static encode(message: onnx.TypeProto.Opaque.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TypeProto.Opaque & onnx.TypeProto.Opaque.$Shape;
        }

        namespace Opaque {
            interface $Properties {
                domain?: (string|null);
                name?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = onnx.TypeProto.Opaque.$Properties;
        }

        interface ISparseTensor extends onnx.TypeProto.SparseTensor.$Properties {
        }

        class SparseTensor {
            constructor(properties?: onnx.TypeProto.SparseTensor.$Properties);
            $unknowns?: Uint8Array[];
            elemType: (number|null);
            shape: (onnx.TensorShapeProto|null);
            static encode(message: onnx.TypeProto.SparseTensor.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TypeProto.SparseTensor & onnx.TypeProto.SparseTensor.$Shape;
        }

        namespace SparseTensor {
            interface $Properties {
                elemType?: (number|null);
                shape?: (onnx.TensorShapeProto.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              elemType?: number|null;
              shape?: onnx.TensorShapeProto.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IOptional extends onnx.TypeProto.Optional.$Properties {
        }

        class Optional {
            constructor(properties?: onnx.TypeProto.Optional.$Properties);
            $unknowns?: Uint8Array[];
            elemType: (onnx.TypeProto|null);
            static encode(message: onnx.TypeProto.Optional.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TypeProto.Optional & onnx.TypeProto.Optional.$Shape;
        }

        namespace Optional {
            interface $Properties {
                elemType?: (onnx.TypeProto.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              elemType?: onnx.TypeProto.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }
    }

    interface ITensorShapeProto extends onnx.TensorShapeProto.$Properties {
    }

    class TensorShapeProto {
        constructor(properties?: onnx.TensorShapeProto.$Properties);
        $unknowns?: Uint8Array[];
        dim: onnx.TensorShapeProto.Dimension[];
        static encode(message: onnx.TensorShapeProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TensorShapeProto & onnx.TensorShapeProto.$Shape;
    }

    namespace TensorShapeProto {
        interface $Properties {
            dim?: onnx.TensorShapeProto.Dimension.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          dim?: onnx.TensorShapeProto.Dimension.$Shape[];
          $unknowns?: Uint8Array[];
        };

        interface IDimension extends onnx.TensorShapeProto.Dimension.$Properties {
        }

        class Dimension {
            constructor(properties?: onnx.TensorShapeProto.Dimension.$Properties);
            $unknowns?: Uint8Array[];
            dimValue: (number|Long|null);
            dimParam: (string|null);
            denotation: (string|null);
            value?: ("dimValue"|"dimParam");
            static encode(message: onnx.TensorShapeProto.Dimension.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TensorShapeProto.Dimension & onnx.TensorShapeProto.Dimension.$Shape;
        }

        namespace Dimension {
            interface $Properties {
                dimValue?: (number|Long|null);
                dimParam?: (string|null);
                denotation?: (string|null);
                value?: ("dimValue"|"dimParam");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              dimValue?: number|Long|null;
              dimParam?: string|null;
              denotation?: string|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ value?: undefined; dimValue?: null; dimParam?: null }|{ value?: "dimValue"; dimValue: number|Long; dimParam?: null }|{ value?: "dimParam"; dimValue?: null; dimParam: string })
            );
        }
    }

    interface IFunctionProto extends onnx.FunctionProto.$Properties {
    }

    class FunctionProto {
        constructor(properties?: onnx.FunctionProto.$Properties);
        $unknowns?: Uint8Array[];
        name: (string|null);
        input: string[];
        output: string[];
        attribute: string[];
        node: onnx.NodeProto[];
        docString: (string|null);
        opsetImport: onnx.OperatorSetIdProto[];
        domain: (string|null);
        attributeProto: onnx.AttributeProto[];
        valueInfo: onnx.ValueInfoProto[];
        overload: (string|null);
        metadataProps: onnx.StringStringEntryProto[];
        static encode(message: onnx.FunctionProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.FunctionProto & onnx.FunctionProto.$Shape;
    }

    namespace FunctionProto {
        interface $Properties {
            name?: (string|null);
            input?: string[];
            output?: string[];
            attribute?: string[];
            node?: onnx.NodeProto.$Properties[];
            docString?: (string|null);
            opsetImport?: onnx.OperatorSetIdProto.$Properties[];
            domain?: (string|null);
            attributeProto?: onnx.AttributeProto.$Properties[];
            valueInfo?: onnx.ValueInfoProto.$Properties[];
            overload?: (string|null);
            metadataProps?: onnx.StringStringEntryProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          name?: string|null;
          input?: string[];
          output?: string[];
          attribute?: string[];
          node?: onnx.NodeProto.$Shape[];
          docString?: string|null;
          opsetImport?: onnx.OperatorSetIdProto.$Shape[];
          domain?: string|null;
          attributeProto?: onnx.AttributeProto.$Shape[];
          valueInfo?: onnx.ValueInfoProto.$Shape[];
          overload?: string|null;
          metadataProps?: onnx.StringStringEntryProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface ITensorAnnotation extends onnx.TensorAnnotation.$Properties {
    }

    class TensorAnnotation {
        constructor(properties?: onnx.TensorAnnotation.$Properties);
        $unknowns?: Uint8Array[];
        tensorName: (string|null);
        quantParameterTensorNames: onnx.StringStringEntryProto[];
        static encode(message: onnx.TensorAnnotation.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TensorAnnotation & onnx.TensorAnnotation.$Shape;
    }

    namespace TensorAnnotation {
        interface $Properties {
            tensorName?: (string|null);
            quantParameterTensorNames?: onnx.StringStringEntryProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.TensorAnnotation.$Properties;
    }

    interface ITrainingInfoProto extends onnx.TrainingInfoProto.$Properties {
    }

    class TrainingInfoProto {
        constructor(properties?: onnx.TrainingInfoProto.$Properties);
        $unknowns?: Uint8Array[];
        initialization: (onnx.GraphProto|null);
        algorithm: (onnx.GraphProto|null);
        initializationBinding: onnx.StringStringEntryProto[];
        updateBinding: onnx.StringStringEntryProto[];
        static encode(message: onnx.TrainingInfoProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.TrainingInfoProto & onnx.TrainingInfoProto.$Shape;
    }

    namespace TrainingInfoProto {
        interface $Properties {
            initialization?: (onnx.GraphProto.$Properties|null);
            algorithm?: (onnx.GraphProto.$Properties|null);
            initializationBinding?: onnx.StringStringEntryProto.$Properties[];
            updateBinding?: onnx.StringStringEntryProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          initialization?: onnx.GraphProto.$Shape|null;
          algorithm?: onnx.GraphProto.$Shape|null;
          initializationBinding?: onnx.StringStringEntryProto.$Shape[];
          updateBinding?: onnx.StringStringEntryProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface IDeviceConfigurationProto extends onnx.DeviceConfigurationProto.$Properties {
    }

    class DeviceConfigurationProto {
        constructor(properties?: onnx.DeviceConfigurationProto.$Properties);
        $unknowns?: Uint8Array[];
        name: (string|null);
        numDevices: (number|null);
        device: string[];
        static encode(message: onnx.DeviceConfigurationProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.DeviceConfigurationProto & onnx.DeviceConfigurationProto.$Shape;
    }

    namespace DeviceConfigurationProto {
        interface $Properties {
            name?: (string|null);
            numDevices?: (number|null);
            device?: string[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.DeviceConfigurationProto.$Properties;
    }

    interface INodeDeviceConfigurationProto extends onnx.NodeDeviceConfigurationProto.$Properties {
    }

    class NodeDeviceConfigurationProto {
        constructor(properties?: onnx.NodeDeviceConfigurationProto.$Properties);
        $unknowns?: Uint8Array[];
        configurationId: (string|null);
        shardingSpec: onnx.ShardingSpecProto[];
        pipelineStage: (number|null);
        static encode(message: onnx.NodeDeviceConfigurationProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.NodeDeviceConfigurationProto & onnx.NodeDeviceConfigurationProto.$Shape;
    }

    namespace NodeDeviceConfigurationProto {
        interface $Properties {
            configurationId?: (string|null);
            shardingSpec?: onnx.ShardingSpecProto.$Properties[];
            pipelineStage?: (number|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          configurationId?: string|null;
          shardingSpec?: onnx.ShardingSpecProto.$Shape[];
          pipelineStage?: number|null;
          $unknowns?: Uint8Array[];
        };
    }

    interface IShardingSpecProto extends onnx.ShardingSpecProto.$Properties {
    }

    class ShardingSpecProto {
        constructor(properties?: onnx.ShardingSpecProto.$Properties);
        $unknowns?: Uint8Array[];
        tensorName: (string|null);
        device: (number|Long)[];
        indexToDeviceGroupMap: onnx.IntIntListEntryProto[];
        shardedDim: onnx.ShardedDimProto[];
        static encode(message: onnx.ShardingSpecProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.ShardingSpecProto & onnx.ShardingSpecProto.$Shape;
    }

    namespace ShardingSpecProto {
        interface $Properties {
            tensorName?: (string|null);
            device?: (number|Long)[];
            indexToDeviceGroupMap?: onnx.IntIntListEntryProto.$Properties[];
            shardedDim?: onnx.ShardedDimProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          tensorName?: string|null;
          device?: (number|Long)[];
          indexToDeviceGroupMap?: onnx.IntIntListEntryProto.$Shape[];
          shardedDim?: onnx.ShardedDimProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface IShardedDimProto extends onnx.ShardedDimProto.$Properties {
    }

    class ShardedDimProto {
        constructor(properties?: onnx.ShardedDimProto.$Properties);
        $unknowns?: Uint8Array[];
        axis: (number|Long|null);
        simpleSharding: onnx.SimpleShardedDimProto[];
        static encode(message: onnx.ShardedDimProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.ShardedDimProto & onnx.ShardedDimProto.$Shape;
    }

    namespace ShardedDimProto {
        interface $Properties {
            axis?: (number|Long|null);
            simpleSharding?: onnx.SimpleShardedDimProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          axis?: number|Long|null;
          simpleSharding?: onnx.SimpleShardedDimProto.$Shape[];
          $unknowns?: Uint8Array[];
        };
    }

    interface ISimpleShardedDimProto extends onnx.SimpleShardedDimProto.$Properties {
    }

    class SimpleShardedDimProto {
        constructor(properties?: onnx.SimpleShardedDimProto.$Properties);
        $unknowns?: Uint8Array[];
        dimValue: (number|Long|null);
        dimParam: (string|null);
        numShards: (number|Long|null);
        dim?: ("dimValue"|"dimParam");
        static encode(message: onnx.SimpleShardedDimProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.SimpleShardedDimProto & onnx.SimpleShardedDimProto.$Shape;
    }

    namespace SimpleShardedDimProto {
        interface $Properties {
            dimValue?: (number|Long|null);
            dimParam?: (string|null);
            numShards?: (number|Long|null);
            dim?: ("dimValue"|"dimParam");
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          dimValue?: number|Long|null;
          dimParam?: string|null;
          numShards?: number|Long|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ dim?: undefined; dimValue?: null; dimParam?: null }|{ dim?: "dimValue"; dimValue: number|Long; dimParam?: null }|{ dim?: "dimParam"; dimValue?: null; dimParam: string })
        );
    }

    interface ISequenceProto extends onnx.SequenceProto.$Properties {
    }

    class SequenceProto {
        constructor(properties?: onnx.SequenceProto.$Properties);
        $unknowns?: Uint8Array[];
        name: (string|null);
        elemType: (number|null);
        tensorValues: onnx.TensorProto[];
        sparseTensorValues: onnx.SparseTensorProto[];
        sequenceValues: onnx.SequenceProto[];
        mapValues: onnx.MapProto[];
        optionalValues: onnx.OptionalProto[];
        static encode(message: onnx.SequenceProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.SequenceProto & onnx.SequenceProto.$Shape;
    }

    namespace SequenceProto {
        interface $Properties {
            name?: (string|null);
            elemType?: (number|null);
            tensorValues?: onnx.TensorProto.$Properties[];
            sparseTensorValues?: onnx.SparseTensorProto.$Properties[];
            sequenceValues?: onnx.SequenceProto.$Properties[];
            mapValues?: onnx.MapProto.$Properties[];
            optionalValues?: onnx.OptionalProto.$Properties[];
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.SequenceProto.$Properties;
    }

    interface IMapProto extends onnx.MapProto.$Properties {
    }

    class MapProto {
        constructor(properties?: onnx.MapProto.$Properties);
        $unknowns?: Uint8Array[];
        name: (string|null);
        keyType: (number|null);
        keys: (number|Long)[];
        stringKeys: Uint8Array[];
        values: (onnx.SequenceProto|null);
        static encode(message: onnx.MapProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.MapProto & onnx.MapProto.$Shape;
    }

    namespace MapProto {
        interface $Properties {
            name?: (string|null);
            keyType?: (number|null);
            keys?: (number|Long)[];
            stringKeys?: Uint8Array[];
            values?: (onnx.SequenceProto.$Properties|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.MapProto.$Properties;
    }

    interface IOptionalProto extends onnx.OptionalProto.$Properties {
    }

    class OptionalProto {
        constructor(properties?: onnx.OptionalProto.$Properties);
        $unknowns?: Uint8Array[];
        name: (string|null);
        elemType: (number|null);
        tensorValue: (onnx.TensorProto|null);
        sparseTensorValue: (onnx.SparseTensorProto|null);
        sequenceValue: (onnx.SequenceProto|null);
        mapValue: (onnx.MapProto|null);
        optionalValue: (onnx.OptionalProto|null);
        static encode(message: onnx.OptionalProto.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): onnx.OptionalProto & onnx.OptionalProto.$Shape;
    }

    namespace OptionalProto {
        interface $Properties {
            name?: (string|null);
            elemType?: (number|null);
            tensorValue?: (onnx.TensorProto.$Properties|null);
            sparseTensorValue?: (onnx.SparseTensorProto.$Properties|null);
            sequenceValue?: (onnx.SequenceProto.$Properties|null);
            mapValue?: (onnx.MapProto.$Properties|null);
            optionalValue?: (onnx.OptionalProto.$Properties|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = onnx.OptionalProto.$Properties;
    }
}

export const fields: Readonly<Record<string, Readonly<Record<number, readonly [name: string, type: string]>>>>;

export const Reader: typeof $protobuf.Reader;
export type Reader = $protobuf.Reader;

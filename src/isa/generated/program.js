// Generated from program.proto by scripts/generate-codec.mjs. Do not edit.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["systole-program"] || ($protobuf.roots["systole-program"] = {});

export const systole = $root.systole = (() => {

    const systole = {};

    systole.Executable = (function() {

        const Executable = function (properties) {
            this.options = [];
            this.spaces = [];
            this.regions = [];
            this.programs = [];
            this.entryPoints = [];
            this.kernels = [];
            this.nodes = [];
            this.hostSegments = [];
            this.diagnostics = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Executable.prototype.model = null;
        Executable.prototype.target = null;
        Executable.prototype.options = $util.emptyArray;
        Executable.prototype.spaces = $util.emptyArray;
        Executable.prototype.regions = $util.emptyArray;
        Executable.prototype.programs = $util.emptyArray;
        Executable.prototype.entryPoints = $util.emptyArray;
        Executable.prototype.kernels = $util.emptyArray;
        Executable.prototype.nodes = $util.emptyArray;
        Executable.prototype.hostSegments = $util.emptyArray;
        Executable.prototype.weights = null;
        Executable.prototype.diagnostics = $util.emptyArray;

        Executable.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.model != null && $Object.hasOwnProperty.call(message, "model"))
                $root.systole.Model.encode(message.model, writer.uint32(10).fork(), _depth + 1).ldelim();
            if (message.target != null && $Object.hasOwnProperty.call(message, "target"))
                $root.systole.Target.encode(message.target, writer.uint32(18).fork(), _depth + 1).ldelim();
            if (message.options != null && message.options.length)
                for (let i = 0; i < message.options.length; ++i)
                    $root.systole.Option.encode(message.options[i], writer.uint32(26).fork(), _depth + 1).ldelim();
            if (message.spaces != null && message.spaces.length)
                for (let i = 0; i < message.spaces.length; ++i)
                    writer.uint32(34).string(message.spaces[i]);
            if (message.regions != null && message.regions.length)
                for (let i = 0; i < message.regions.length; ++i)
                    $root.systole.Region.encode(message.regions[i], writer.uint32(42).fork(), _depth + 1).ldelim();
            if (message.programs != null && message.programs.length)
                for (let i = 0; i < message.programs.length; ++i)
                    $root.systole.Program.encode(message.programs[i], writer.uint32(50).fork(), _depth + 1).ldelim();
            if (message.entryPoints != null && message.entryPoints.length)
                for (let i = 0; i < message.entryPoints.length; ++i)
                    $root.systole.EntryPoint.encode(message.entryPoints[i], writer.uint32(58).fork(), _depth + 1).ldelim();
            if (message.kernels != null && message.kernels.length)
                for (let i = 0; i < message.kernels.length; ++i)
                    $root.systole.Kernel.encode(message.kernels[i], writer.uint32(66).fork(), _depth + 1).ldelim();
            if (message.nodes != null && message.nodes.length)
                for (let i = 0; i < message.nodes.length; ++i)
                    $root.systole.NodeFate.encode(message.nodes[i], writer.uint32(74).fork(), _depth + 1).ldelim();
            if (message.hostSegments != null && message.hostSegments.length)
                for (let i = 0; i < message.hostSegments.length; ++i)
                    $root.systole.HostSegment.encode(message.hostSegments[i], writer.uint32(82).fork(), _depth + 1).ldelim();
            if (message.weights != null && $Object.hasOwnProperty.call(message, "weights"))
                $root.systole.Weights.encode(message.weights, writer.uint32(90).fork(), _depth + 1).ldelim();
            if (message.diagnostics != null && message.diagnostics.length)
                for (let i = 0; i < message.diagnostics.length; ++i)
                    $root.systole.Diagnostic.encode(message.diagnostics[i], writer.uint32(98).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Executable.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Executable();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        message.model = $root.systole.Model.decode(reader, reader.size(), $undefined, _depth + 1, message.model);
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        message.target = $root.systole.Target.decode(reader, reader.size(), $undefined, _depth + 1, message.target);
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if (!(message.options && message.options.length))
                            message.options = [];
                        message.options.push($root.systole.Option.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if (!(message.spaces && message.spaces.length))
                            message.spaces = [];
                        message.spaces.push(reader.stringVerify());
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        if (!(message.regions && message.regions.length))
                            message.regions = [];
                        message.regions.push($root.systole.Region.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 6: {
                        if (wireType !== 2)
                            break;
                        if (!(message.programs && message.programs.length))
                            message.programs = [];
                        message.programs.push($root.systole.Program.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 7: {
                        if (wireType !== 2)
                            break;
                        if (!(message.entryPoints && message.entryPoints.length))
                            message.entryPoints = [];
                        message.entryPoints.push($root.systole.EntryPoint.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 8: {
                        if (wireType !== 2)
                            break;
                        if (!(message.kernels && message.kernels.length))
                            message.kernels = [];
                        message.kernels.push($root.systole.Kernel.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 9: {
                        if (wireType !== 2)
                            break;
                        if (!(message.nodes && message.nodes.length))
                            message.nodes = [];
                        message.nodes.push($root.systole.NodeFate.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 10: {
                        if (wireType !== 2)
                            break;
                        if (!(message.hostSegments && message.hostSegments.length))
                            message.hostSegments = [];
                        message.hostSegments.push($root.systole.HostSegment.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 11: {
                        if (wireType !== 2)
                            break;
                        message.weights = $root.systole.Weights.decode(reader, reader.size(), $undefined, _depth + 1, message.weights);
                        continue;
                    }
                case 12: {
                        if (wireType !== 2)
                            break;
                        if (!(message.diagnostics && message.diagnostics.length))
                            message.diagnostics = [];
                        message.diagnostics.push($root.systole.Diagnostic.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Executable;
    })();

    systole.Model = (function() {

        const Model = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Model.prototype.name = "";
        Model.prototype.sha256 = "";
        Model.prototype.macs = 0;
        Model.prototype.parameterBytes = 0;
        Model.prototype.opset = 0;

        Model.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.sha256 != null && $Object.hasOwnProperty.call(message, "sha256") && message.sha256 !== "")
                writer.uint32(18).string(message.sha256);
            if (message.macs != null && $Object.hasOwnProperty.call(message, "macs") && !$Object.is(message.macs, 0))
                writer.uint32(25).double(message.macs);
            if (message.parameterBytes != null && $Object.hasOwnProperty.call(message, "parameterBytes") && !$Object.is(message.parameterBytes, 0))
                writer.uint32(33).double(message.parameterBytes);
            if (message.opset != null && $Object.hasOwnProperty.call(message, "opset") && !$Object.is(message.opset, 0))
                writer.uint32(41).double(message.opset);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Model.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Model();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.sha256 = value;
                        else
                            delete message.sha256;
                        continue;
                    }
                case 3: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.macs = value;
                        else
                            delete message.macs;
                        continue;
                    }
                case 4: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.parameterBytes = value;
                        else
                            delete message.parameterBytes;
                        continue;
                    }
                case 5: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.opset = value;
                        else
                            delete message.opset;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Model;
    })();

    systole.Target = (function() {

        const Target = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Target.prototype.name = "";
        Target.prototype.planHash = "";

        Target.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.planHash != null && $Object.hasOwnProperty.call(message, "planHash") && message.planHash !== "")
                writer.uint32(18).string(message.planHash);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Target.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Target();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.planHash = value;
                        else
                            delete message.planHash;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Target;
    })();

    systole.Option = (function() {

        const Option = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Option.prototype.key = "";
        Option.prototype.text = null;
        Option.prototype.number = null;
        Option.prototype.flag = null;
        Option.prototype.texts = null;

        let $oneOfFields;

        $Object.defineProperty(Option.prototype, "value", {
            get: $util.oneOfGetter($oneOfFields = ["text", "number", "flag", "texts"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        Option.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.key != null && $Object.hasOwnProperty.call(message, "key") && message.key !== "")
                writer.uint32(10).string(message.key);
            if (message.text != null && $Object.hasOwnProperty.call(message, "text"))
                writer.uint32(18).string(message.text);
            if (message.number != null && $Object.hasOwnProperty.call(message, "number"))
                writer.uint32(25).double(message.number);
            if (message.flag != null && $Object.hasOwnProperty.call(message, "flag"))
                writer.uint32(32).bool(message.flag);
            if (message.texts != null && $Object.hasOwnProperty.call(message, "texts"))
                $root.systole.Texts.encode(message.texts, writer.uint32(42).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Option.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Option();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.key = value;
                        else
                            delete message.key;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        message.text = reader.stringVerify();
                        message.value = "text";
                        continue;
                    }
                case 3: {
                        if (wireType !== 1)
                            break;
                        message.number = reader.double();
                        message.value = "number";
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        message.flag = reader.bool();
                        message.value = "flag";
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        message.texts = $root.systole.Texts.decode(reader, reader.size(), $undefined, _depth + 1, message.texts);
                        message.value = "texts";
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Option;
    })();

    systole.Texts = (function() {

        const Texts = function (properties) {
            this.items = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Texts.prototype.items = $util.emptyArray;

        Texts.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.items != null && message.items.length)
                for (let i = 0; i < message.items.length; ++i)
                    writer.uint32(10).string(message.items[i]);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Texts.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Texts();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if (!(message.items && message.items.length))
                            message.items = [];
                        message.items.push(reader.stringVerify());
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Texts;
    })();

    systole.Region = (function() {

        const Region = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Region.prototype.name = "";
        Region.prototype.kind = 0;
        Region.prototype.space = 0;
        Region.prototype.bytes = 0;
        Region.prototype.alignment = 0;

        Region.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== 0)
                writer.uint32(16).uint32(message.kind);
            if (message.space != null && $Object.hasOwnProperty.call(message, "space") && message.space !== 0)
                writer.uint32(24).uint32(message.space);
            if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && !$Object.is(message.bytes, 0))
                writer.uint32(33).double(message.bytes);
            if (message.alignment != null && $Object.hasOwnProperty.call(message, "alignment") && !$Object.is(message.alignment, 0))
                writer.uint32(41).double(message.alignment);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Region.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Region();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.kind = value;
                        else
                            delete message.kind;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.space = value;
                        else
                            delete message.space;
                        continue;
                    }
                case 4: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.bytes = value;
                        else
                            delete message.bytes;
                        continue;
                    }
                case 5: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.alignment = value;
                        else
                            delete message.alignment;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Region;
    })();

    systole.Program = (function() {

        const Program = function (properties) {
            this.numberValues = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Program.prototype.name = "";
        Program.prototype.rows = 0;
        Program.prototype.forms = 0;
        Program.prototype.formStream = $util.newBuffer([]);
        Program.prototype.rowStream = $util.newBuffer([]);
        Program.prototype.numberValues = $util.emptyArray;
        Program.prototype.numbers = 0;
        Program.prototype.numberStream = $util.newBuffer([]);

        Program.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.rows != null && $Object.hasOwnProperty.call(message, "rows") && message.rows !== 0)
                writer.uint32(16).uint32(message.rows);
            if (message.forms != null && $Object.hasOwnProperty.call(message, "forms") && message.forms !== 0)
                writer.uint32(24).uint32(message.forms);
            if (message.formStream != null && $Object.hasOwnProperty.call(message, "formStream") && message.formStream.length)
                writer.uint32(34).bytes(message.formStream);
            if (message.rowStream != null && $Object.hasOwnProperty.call(message, "rowStream") && message.rowStream.length)
                writer.uint32(42).bytes(message.rowStream);
            if (message.numberValues != null && message.numberValues.length)
                writer.uint32(50).doubles(message.numberValues);
            if (message.numbers != null && $Object.hasOwnProperty.call(message, "numbers") && message.numbers !== 0)
                writer.uint32(56).uint32(message.numbers);
            if (message.numberStream != null && $Object.hasOwnProperty.call(message, "numberStream") && message.numberStream.length)
                writer.uint32(66).bytes(message.numberStream);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Program.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Program();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.rows = value;
                        else
                            delete message.rows;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.forms = value;
                        else
                            delete message.forms;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.bytes()).length)
                            message.formStream = value;
                        else
                            delete message.formStream;
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.bytes()).length)
                            message.rowStream = value;
                        else
                            delete message.rowStream;
                        continue;
                    }
                case 6: {
                        if (wireType === 2) {
                            if (!(message.numberValues && message.numberValues.length))
                                message.numberValues = [];
                            reader.doubles(message.numberValues);
                            continue;
                        }
                        if (wireType !== 1)
                            break;
                        if (!(message.numberValues && message.numberValues.length))
                            message.numberValues = [];
                        message.numberValues.push(reader.double());
                        continue;
                    }
                case 7: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.numbers = value;
                        else
                            delete message.numbers;
                        continue;
                    }
                case 8: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.bytes()).length)
                            message.numberStream = value;
                        else
                            delete message.numberStream;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Program;
    })();

    systole.EntryPoint = (function() {

        const EntryPoint = function (properties) {
            this.inputs = [];
            this.outputs = [];
            this.scalars = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        EntryPoint.prototype.name = "";
        EntryPoint.prototype.program = 0;
        EntryPoint.prototype.inputs = $util.emptyArray;
        EntryPoint.prototype.outputs = $util.emptyArray;
        EntryPoint.prototype.scalars = $util.emptyArray;

        EntryPoint.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.program != null && $Object.hasOwnProperty.call(message, "program") && message.program !== 0)
                writer.uint32(16).uint32(message.program);
            if (message.inputs != null && message.inputs.length)
                for (let i = 0; i < message.inputs.length; ++i)
                    $root.systole.TensorBinding.encode(message.inputs[i], writer.uint32(26).fork(), _depth + 1).ldelim();
            if (message.outputs != null && message.outputs.length)
                for (let i = 0; i < message.outputs.length; ++i)
                    $root.systole.TensorBinding.encode(message.outputs[i], writer.uint32(34).fork(), _depth + 1).ldelim();
            if (message.scalars != null && message.scalars.length)
                for (let i = 0; i < message.scalars.length; ++i)
                    writer.uint32(42).string(message.scalars[i]);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        EntryPoint.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.EntryPoint();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.program = value;
                        else
                            delete message.program;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if (!(message.inputs && message.inputs.length))
                            message.inputs = [];
                        message.inputs.push($root.systole.TensorBinding.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if (!(message.outputs && message.outputs.length))
                            message.outputs = [];
                        message.outputs.push($root.systole.TensorBinding.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        if (!(message.scalars && message.scalars.length))
                            message.scalars = [];
                        message.scalars.push(reader.stringVerify());
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return EntryPoint;
    })();

    systole.TensorBinding = (function() {

        const TensorBinding = function (properties) {
            this.shape = [];
            this.strides = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        TensorBinding.prototype.name = "";
        TensorBinding.prototype.region = 0;
        TensorBinding.prototype.offset = 0;
        TensorBinding.prototype.dtype = "";
        TensorBinding.prototype.shape = $util.emptyArray;
        TensorBinding.prototype.quantization = null;
        TensorBinding.prototype.strides = $util.emptyArray;

        TensorBinding.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.region != null && $Object.hasOwnProperty.call(message, "region") && message.region !== 0)
                writer.uint32(16).sint32(message.region);
            if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && !$Object.is(message.offset, 0))
                writer.uint32(25).double(message.offset);
            if (message.dtype != null && $Object.hasOwnProperty.call(message, "dtype") && message.dtype !== "")
                writer.uint32(34).string(message.dtype);
            if (message.shape != null && message.shape.length)
                writer.uint32(42).doubles(message.shape);
            if (message.quantization != null && $Object.hasOwnProperty.call(message, "quantization"))
                $root.systole.Quantization.encode(message.quantization, writer.uint32(50).fork(), _depth + 1).ldelim();
            if (message.strides != null && message.strides.length)
                writer.uint32(58).doubles(message.strides);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        TensorBinding.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.TensorBinding();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.sint32())
                            message.region = value;
                        else
                            delete message.region;
                        continue;
                    }
                case 3: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.offset = value;
                        else
                            delete message.offset;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.dtype = value;
                        else
                            delete message.dtype;
                        continue;
                    }
                case 5: {
                        if (wireType === 2) {
                            if (!(message.shape && message.shape.length))
                                message.shape = [];
                            reader.doubles(message.shape);
                            continue;
                        }
                        if (wireType !== 1)
                            break;
                        if (!(message.shape && message.shape.length))
                            message.shape = [];
                        message.shape.push(reader.double());
                        continue;
                    }
                case 6: {
                        if (wireType !== 2)
                            break;
                        message.quantization = $root.systole.Quantization.decode(reader, reader.size(), $undefined, _depth + 1, message.quantization);
                        continue;
                    }
                case 7: {
                        if (wireType === 2) {
                            if (!(message.strides && message.strides.length))
                                message.strides = [];
                            reader.doubles(message.strides);
                            continue;
                        }
                        if (wireType !== 1)
                            break;
                        if (!(message.strides && message.strides.length))
                            message.strides = [];
                        message.strides.push(reader.double());
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return TensorBinding;
    })();

    systole.Quantization = (function() {

        const Quantization = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Quantization.prototype.scale = 0;
        Quantization.prototype.zeroPoint = 0;
        Quantization.prototype.placeholder = false;

        Quantization.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.scale != null && $Object.hasOwnProperty.call(message, "scale") && !$Object.is(message.scale, 0))
                writer.uint32(9).double(message.scale);
            if (message.zeroPoint != null && $Object.hasOwnProperty.call(message, "zeroPoint") && message.zeroPoint !== 0)
                writer.uint32(16).sint32(message.zeroPoint);
            if (message.placeholder != null && $Object.hasOwnProperty.call(message, "placeholder") && message.placeholder !== false)
                writer.uint32(24).bool(message.placeholder);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Quantization.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Quantization();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.scale = value;
                        else
                            delete message.scale;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.sint32())
                            message.zeroPoint = value;
                        else
                            delete message.zeroPoint;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.placeholder = value;
                        else
                            delete message.placeholder;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Quantization;
    })();

    systole.Kernel = (function() {

        const Kernel = function (properties) {
            this.origin = [];
            this.cold = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Kernel.prototype.name = "";
        Kernel.prototype.origin = $util.emptyArray;
        Kernel.prototype.kernelClass = "";
        Kernel.prototype.engine = "";
        Kernel.prototype.dtype = "";
        Kernel.prototype.macs = 0;
        Kernel.prototype.contraction = null;
        Kernel.prototype.vectorLaneTicks = null;
        Kernel.prototype.none = null;
        Kernel.prototype.host = null;
        Kernel.prototype.attention = null;
        Kernel.prototype.cold = $util.emptyArray;
        Kernel.prototype.mapping = "";
        Kernel.prototype.tiles = 0;
        Kernel.prototype.estimateCycles = 0;

        let $oneOfFields;

        $Object.defineProperty(Kernel.prototype, "work", {
            get: $util.oneOfGetter($oneOfFields = ["contraction", "vectorLaneTicks", "none", "host", "attention"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        Kernel.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.origin != null && message.origin.length)
                for (let i = 0; i < message.origin.length; ++i)
                    writer.uint32(18).string(message.origin[i]);
            if (message.kernelClass != null && $Object.hasOwnProperty.call(message, "kernelClass") && message.kernelClass !== "")
                writer.uint32(26).string(message.kernelClass);
            if (message.engine != null && $Object.hasOwnProperty.call(message, "engine") && message.engine !== "")
                writer.uint32(34).string(message.engine);
            if (message.dtype != null && $Object.hasOwnProperty.call(message, "dtype") && message.dtype !== "")
                writer.uint32(42).string(message.dtype);
            if (message.macs != null && $Object.hasOwnProperty.call(message, "macs") && !$Object.is(message.macs, 0))
                writer.uint32(49).double(message.macs);
            if (message.contraction != null && $Object.hasOwnProperty.call(message, "contraction"))
                $root.systole.Contraction.encode(message.contraction, writer.uint32(58).fork(), _depth + 1).ldelim();
            if (message.vectorLaneTicks != null && $Object.hasOwnProperty.call(message, "vectorLaneTicks"))
                writer.uint32(65).double(message.vectorLaneTicks);
            if (message.none != null && $Object.hasOwnProperty.call(message, "none"))
                writer.uint32(72).bool(message.none);
            if (message.host != null && $Object.hasOwnProperty.call(message, "host"))
                $root.systole.HostWork.encode(message.host, writer.uint32(82).fork(), _depth + 1).ldelim();
            if (message.cold != null && message.cold.length)
                for (let i = 0; i < message.cold.length; ++i)
                    $root.systole.Cold.encode(message.cold[i], writer.uint32(90).fork(), _depth + 1).ldelim();
            if (message.mapping != null && $Object.hasOwnProperty.call(message, "mapping") && message.mapping !== "")
                writer.uint32(98).string(message.mapping);
            if (message.tiles != null && $Object.hasOwnProperty.call(message, "tiles") && !$Object.is(message.tiles, 0))
                writer.uint32(105).double(message.tiles);
            if (message.estimateCycles != null && $Object.hasOwnProperty.call(message, "estimateCycles") && !$Object.is(message.estimateCycles, 0))
                writer.uint32(113).double(message.estimateCycles);
            if (message.attention != null && $Object.hasOwnProperty.call(message, "attention"))
                $root.systole.Attention.encode(message.attention, writer.uint32(122).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Kernel.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Kernel();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if (!(message.origin && message.origin.length))
                            message.origin = [];
                        message.origin.push(reader.stringVerify());
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.kernelClass = value;
                        else
                            delete message.kernelClass;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.engine = value;
                        else
                            delete message.engine;
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.dtype = value;
                        else
                            delete message.dtype;
                        continue;
                    }
                case 6: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.macs = value;
                        else
                            delete message.macs;
                        continue;
                    }
                case 7: {
                        if (wireType !== 2)
                            break;
                        message.contraction = $root.systole.Contraction.decode(reader, reader.size(), $undefined, _depth + 1, message.contraction);
                        message.work = "contraction";
                        continue;
                    }
                case 8: {
                        if (wireType !== 1)
                            break;
                        message.vectorLaneTicks = reader.double();
                        message.work = "vectorLaneTicks";
                        continue;
                    }
                case 9: {
                        if (wireType !== 0)
                            break;
                        message.none = reader.bool();
                        message.work = "none";
                        continue;
                    }
                case 10: {
                        if (wireType !== 2)
                            break;
                        message.host = $root.systole.HostWork.decode(reader, reader.size(), $undefined, _depth + 1, message.host);
                        message.work = "host";
                        continue;
                    }
                case 15: {
                        if (wireType !== 2)
                            break;
                        message.attention = $root.systole.Attention.decode(reader, reader.size(), $undefined, _depth + 1, message.attention);
                        message.work = "attention";
                        continue;
                    }
                case 11: {
                        if (wireType !== 2)
                            break;
                        if (!(message.cold && message.cold.length))
                            message.cold = [];
                        message.cold.push($root.systole.Cold.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                case 12: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.mapping = value;
                        else
                            delete message.mapping;
                        continue;
                    }
                case 13: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.tiles = value;
                        else
                            delete message.tiles;
                        continue;
                    }
                case 14: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.estimateCycles = value;
                        else
                            delete message.estimateCycles;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Kernel;
    })();

    systole.Contraction = (function() {

        const Contraction = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Contraction.prototype.depthwise = false;
        Contraction.prototype.groups = 0;
        Contraction.prototype.m = 0;
        Contraction.prototype.n = 0;
        Contraction.prototype.channels = 0;
        Contraction.prototype.taps = 0;
        Contraction.prototype.batches = 0;
        Contraction.prototype.vectorLaneTicks = 0;

        Contraction.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.depthwise != null && $Object.hasOwnProperty.call(message, "depthwise") && message.depthwise !== false)
                writer.uint32(8).bool(message.depthwise);
            if (message.groups != null && $Object.hasOwnProperty.call(message, "groups") && !$Object.is(message.groups, 0))
                writer.uint32(17).double(message.groups);
            if (message.m != null && $Object.hasOwnProperty.call(message, "m") && !$Object.is(message.m, 0))
                writer.uint32(25).double(message.m);
            if (message.n != null && $Object.hasOwnProperty.call(message, "n") && !$Object.is(message.n, 0))
                writer.uint32(33).double(message.n);
            if (message.channels != null && $Object.hasOwnProperty.call(message, "channels") && !$Object.is(message.channels, 0))
                writer.uint32(41).double(message.channels);
            if (message.taps != null && $Object.hasOwnProperty.call(message, "taps") && !$Object.is(message.taps, 0))
                writer.uint32(49).double(message.taps);
            if (message.batches != null && $Object.hasOwnProperty.call(message, "batches") && !$Object.is(message.batches, 0))
                writer.uint32(57).double(message.batches);
            if (message.vectorLaneTicks != null && $Object.hasOwnProperty.call(message, "vectorLaneTicks") && !$Object.is(message.vectorLaneTicks, 0))
                writer.uint32(65).double(message.vectorLaneTicks);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Contraction.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Contraction();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.depthwise = value;
                        else
                            delete message.depthwise;
                        continue;
                    }
                case 2: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.groups = value;
                        else
                            delete message.groups;
                        continue;
                    }
                case 3: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.m = value;
                        else
                            delete message.m;
                        continue;
                    }
                case 4: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.n = value;
                        else
                            delete message.n;
                        continue;
                    }
                case 5: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.channels = value;
                        else
                            delete message.channels;
                        continue;
                    }
                case 6: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.taps = value;
                        else
                            delete message.taps;
                        continue;
                    }
                case 7: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.batches = value;
                        else
                            delete message.batches;
                        continue;
                    }
                case 8: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.vectorLaneTicks = value;
                        else
                            delete message.vectorLaneTicks;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Contraction;
    })();

    systole.Attention = (function() {

        const Attention = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Attention.prototype.batches = 0;
        Attention.prototype.m = 0;
        Attention.prototype.keys = 0;
        Attention.prototype.size = 0;
        Attention.prototype.valueSize = 0;
        Attention.prototype.vectorLaneTicks = 0;

        Attention.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.batches != null && $Object.hasOwnProperty.call(message, "batches") && !$Object.is(message.batches, 0))
                writer.uint32(9).double(message.batches);
            if (message.m != null && $Object.hasOwnProperty.call(message, "m") && !$Object.is(message.m, 0))
                writer.uint32(17).double(message.m);
            if (message.keys != null && $Object.hasOwnProperty.call(message, "keys") && !$Object.is(message.keys, 0))
                writer.uint32(25).double(message.keys);
            if (message.size != null && $Object.hasOwnProperty.call(message, "size") && !$Object.is(message.size, 0))
                writer.uint32(33).double(message.size);
            if (message.valueSize != null && $Object.hasOwnProperty.call(message, "valueSize") && !$Object.is(message.valueSize, 0))
                writer.uint32(41).double(message.valueSize);
            if (message.vectorLaneTicks != null && $Object.hasOwnProperty.call(message, "vectorLaneTicks") && !$Object.is(message.vectorLaneTicks, 0))
                writer.uint32(49).double(message.vectorLaneTicks);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Attention.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Attention();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.batches = value;
                        else
                            delete message.batches;
                        continue;
                    }
                case 2: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.m = value;
                        else
                            delete message.m;
                        continue;
                    }
                case 3: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.keys = value;
                        else
                            delete message.keys;
                        continue;
                    }
                case 4: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.size = value;
                        else
                            delete message.size;
                        continue;
                    }
                case 5: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.valueSize = value;
                        else
                            delete message.valueSize;
                        continue;
                    }
                case 6: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.vectorLaneTicks = value;
                        else
                            delete message.vectorLaneTicks;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Attention;
    })();

    systole.HostWork = (function() {

        const HostWork = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        HostWork.prototype.ops = 0;
        HostWork.prototype.bytes = 0;

        HostWork.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.ops != null && $Object.hasOwnProperty.call(message, "ops") && !$Object.is(message.ops, 0))
                writer.uint32(9).double(message.ops);
            if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && !$Object.is(message.bytes, 0))
                writer.uint32(17).double(message.bytes);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        HostWork.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.HostWork();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.ops = value;
                        else
                            delete message.ops;
                        continue;
                    }
                case 2: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.bytes = value;
                        else
                            delete message.bytes;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return HostWork;
    })();

    systole.Cold = (function() {

        const Cold = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Cold.prototype.space = 0;
        Cold.prototype.write = false;
        Cold.prototype.operand = "";
        Cold.prototype.bytes = 0;

        Cold.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.space != null && $Object.hasOwnProperty.call(message, "space") && message.space !== 0)
                writer.uint32(8).uint32(message.space);
            if (message.write != null && $Object.hasOwnProperty.call(message, "write") && message.write !== false)
                writer.uint32(16).bool(message.write);
            if (message.operand != null && $Object.hasOwnProperty.call(message, "operand") && message.operand !== "")
                writer.uint32(26).string(message.operand);
            if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && !$Object.is(message.bytes, 0))
                writer.uint32(33).double(message.bytes);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Cold.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Cold();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.space = value;
                        else
                            delete message.space;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.write = value;
                        else
                            delete message.write;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.operand = value;
                        else
                            delete message.operand;
                        continue;
                    }
                case 4: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.bytes = value;
                        else
                            delete message.bytes;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Cold;
    })();

    systole.NodeFate = (function() {

        const NodeFate = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        NodeFate.prototype.name = "";
        NodeFate.prototype.opType = "";
        NodeFate.prototype.fate = "";
        NodeFate.prototype.kernel = 0;

        NodeFate.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.opType != null && $Object.hasOwnProperty.call(message, "opType") && message.opType !== "")
                writer.uint32(18).string(message.opType);
            if (message.fate != null && $Object.hasOwnProperty.call(message, "fate") && message.fate !== "")
                writer.uint32(26).string(message.fate);
            if (message.kernel != null && $Object.hasOwnProperty.call(message, "kernel") && message.kernel !== 0)
                writer.uint32(32).sint32(message.kernel);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        NodeFate.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.NodeFate();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.opType = value;
                        else
                            delete message.opType;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.fate = value;
                        else
                            delete message.fate;
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.sint32())
                            message.kernel = value;
                        else
                            delete message.kernel;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return NodeFate;
    })();

    systole.HostSegment = (function() {

        const HostSegment = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        HostSegment.prototype.name = "";
        HostSegment.prototype.graph = "";

        HostSegment.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                writer.uint32(10).string(message.name);
            if (message.graph != null && $Object.hasOwnProperty.call(message, "graph") && message.graph !== "")
                writer.uint32(18).string(message.graph);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        HostSegment.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.HostSegment();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.name = value;
                        else
                            delete message.name;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.graph = value;
                        else
                            delete message.graph;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return HostSegment;
    })();

    systole.Weights = (function() {

        const Weights = function (properties) {
            this.segments = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Weights.prototype.region = 0;
        Weights.prototype.bytes = 0;
        Weights.prototype.embedded = false;
        Weights.prototype.absent = null;
        Weights.prototype.segments = $util.emptyArray;

        let $oneOfFields;

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(Weights.prototype, "_absent", {
            get: $util.oneOfGetter($oneOfFields = ["absent"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        Weights.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.region != null && $Object.hasOwnProperty.call(message, "region") && message.region !== 0)
                writer.uint32(8).sint32(message.region);
            if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && !$Object.is(message.bytes, 0))
                writer.uint32(17).double(message.bytes);
            if (message.embedded != null && $Object.hasOwnProperty.call(message, "embedded") && message.embedded !== false)
                writer.uint32(24).bool(message.embedded);
            if (message.absent != null && $Object.hasOwnProperty.call(message, "absent"))
                writer.uint32(34).string(message.absent);
            if (message.segments != null && message.segments.length)
                for (let i = 0; i < message.segments.length; ++i)
                    $root.systole.WeightSegment.encode(message.segments[i], writer.uint32(42).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Weights.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Weights();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.sint32())
                            message.region = value;
                        else
                            delete message.region;
                        continue;
                    }
                case 2: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.bytes = value;
                        else
                            delete message.bytes;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.embedded = value;
                        else
                            delete message.embedded;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        message.absent = reader.stringVerify();
                        message._absent = "absent";
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        if (!(message.segments && message.segments.length))
                            message.segments = [];
                        message.segments.push($root.systole.WeightSegment.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Weights;
    })();

    systole.WeightSegment = (function() {

        const WeightSegment = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        WeightSegment.prototype.offset = 0;
        WeightSegment.prototype.bytes = 0;
        WeightSegment.prototype.hash = "";

        WeightSegment.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && !$Object.is(message.offset, 0))
                writer.uint32(9).double(message.offset);
            if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && !$Object.is(message.bytes, 0))
                writer.uint32(17).double(message.bytes);
            if (message.hash != null && $Object.hasOwnProperty.call(message, "hash") && message.hash !== "")
                writer.uint32(26).string(message.hash);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        WeightSegment.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.WeightSegment();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.offset = value;
                        else
                            delete message.offset;
                        continue;
                    }
                case 2: {
                        if (wireType !== 1)
                            break;
                        if (!$Object.is(value = reader.double(), 0))
                            message.bytes = value;
                        else
                            delete message.bytes;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.hash = value;
                        else
                            delete message.hash;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return WeightSegment;
    })();

    systole.Diagnostic = (function() {

        const Diagnostic = function (properties) {
            this.origin = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        Diagnostic.prototype.code = "";
        Diagnostic.prototype.severity = "";
        Diagnostic.prototype.message = "";
        Diagnostic.prototype.origin = $util.emptyArray;
        Diagnostic.prototype.file = null;
        Diagnostic.prototype.line = null;
        Diagnostic.prototype.column = null;

        let $oneOfFields;

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(Diagnostic.prototype, "_file", {
            get: $util.oneOfGetter($oneOfFields = ["file"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(Diagnostic.prototype, "_line", {
            get: $util.oneOfGetter($oneOfFields = ["line"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(Diagnostic.prototype, "_column", {
            get: $util.oneOfGetter($oneOfFields = ["column"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        Diagnostic.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.code != null && $Object.hasOwnProperty.call(message, "code") && message.code !== "")
                writer.uint32(10).string(message.code);
            if (message.severity != null && $Object.hasOwnProperty.call(message, "severity") && message.severity !== "")
                writer.uint32(18).string(message.severity);
            if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                writer.uint32(26).string(message.message);
            if (message.origin != null && message.origin.length)
                for (let i = 0; i < message.origin.length; ++i)
                    writer.uint32(34).string(message.origin[i]);
            if (message.file != null && $Object.hasOwnProperty.call(message, "file"))
                writer.uint32(42).string(message.file);
            if (message.line != null && $Object.hasOwnProperty.call(message, "line"))
                writer.uint32(49).double(message.line);
            if (message.column != null && $Object.hasOwnProperty.call(message, "column"))
                writer.uint32(57).double(message.column);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        Diagnostic.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.systole.Diagnostic();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.code = value;
                        else
                            delete message.code;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.severity = value;
                        else
                            delete message.severity;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.message = value;
                        else
                            delete message.message;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        if (!(message.origin && message.origin.length))
                            message.origin = [];
                        message.origin.push(reader.stringVerify());
                        continue;
                    }
                case 5: {
                        if (wireType !== 2)
                            break;
                        message.file = reader.stringVerify();
                        message._file = "file";
                        continue;
                    }
                case 6: {
                        if (wireType !== 1)
                            break;
                        message.line = reader.double();
                        message._line = "line";
                        continue;
                    }
                case 7: {
                        if (wireType !== 1)
                            break;
                        message.column = reader.double();
                        message._column = "column";
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return Diagnostic;
    })();

    return systole;
})();

export {
  $root as default
};

export const fields = {
    "Executable": { 1: ["model", "Model"], 2: ["target", "Target"], 3: ["options[]", "Option"], 4: ["spaces[]", "string"], 5: ["regions[]", "Region"], 6: ["programs[]", "Program"], 7: ["entry_points[]", "EntryPoint"], 8: ["kernels[]", "Kernel"], 9: ["nodes[]", "NodeFate"], 10: ["host_segments[]", "HostSegment"], 11: ["weights", "Weights"], 12: ["diagnostics[]", "Diagnostic"] },
    "Model": { 1: ["name", "string"], 2: ["sha256", "string"], 3: ["macs", "double"], 4: ["parameter_bytes", "double"], 5: ["opset", "double"] },
    "Target": { 1: ["name", "string"], 2: ["plan_hash", "string"] },
    "Option": { 1: ["key", "string"], 2: ["text", "string"], 3: ["number", "double"], 4: ["flag", "bool"], 5: ["texts", "Texts"] },
    "Texts": { 1: ["items[]", "string"] },
    "Region": { 1: ["name", "string"], 2: ["kind", "uint32"], 3: ["space", "uint32"], 4: ["bytes", "double"], 5: ["alignment", "double"] },
    "Program": { 1: ["name", "string"], 2: ["rows", "uint32"], 3: ["forms", "uint32"], 4: ["form_stream", "bytes"], 5: ["row_stream", "bytes"], 6: ["number_values[]", "double"], 7: ["numbers", "uint32"], 8: ["number_stream", "bytes"] },
    "EntryPoint": { 1: ["name", "string"], 2: ["program", "uint32"], 3: ["inputs[]", "TensorBinding"], 4: ["outputs[]", "TensorBinding"], 5: ["scalars[]", "string"] },
    "TensorBinding": { 1: ["name", "string"], 2: ["region", "sint32"], 3: ["offset", "double"], 4: ["dtype", "string"], 5: ["shape[]", "double"], 6: ["quantization", "Quantization"], 7: ["strides[]", "double"] },
    "Quantization": { 1: ["scale", "double"], 2: ["zero_point", "sint32"], 3: ["placeholder", "bool"] },
    "Kernel": { 1: ["name", "string"], 2: ["origin[]", "string"], 3: ["kernel_class", "string"], 4: ["engine", "string"], 5: ["dtype", "string"], 6: ["macs", "double"], 7: ["contraction", "Contraction"], 8: ["vector_lane_ticks", "double"], 9: ["none", "bool"], 10: ["host", "HostWork"], 11: ["cold[]", "Cold"], 12: ["mapping", "string"], 13: ["tiles", "double"], 14: ["estimate_cycles", "double"], 15: ["attention", "Attention"] },
    "Contraction": { 1: ["depthwise", "bool"], 2: ["groups", "double"], 3: ["m", "double"], 4: ["n", "double"], 5: ["channels", "double"], 6: ["taps", "double"], 7: ["batches", "double"], 8: ["vector_lane_ticks", "double"] },
    "Attention": { 1: ["batches", "double"], 2: ["m", "double"], 3: ["keys", "double"], 4: ["size", "double"], 5: ["value_size", "double"], 6: ["vector_lane_ticks", "double"] },
    "HostWork": { 1: ["ops", "double"], 2: ["bytes", "double"] },
    "Cold": { 1: ["space", "uint32"], 2: ["write", "bool"], 3: ["operand", "string"], 4: ["bytes", "double"] },
    "NodeFate": { 1: ["name", "string"], 2: ["op_type", "string"], 3: ["fate", "string"], 4: ["kernel", "sint32"] },
    "HostSegment": { 1: ["name", "string"], 2: ["graph", "string"] },
    "Weights": { 1: ["region", "sint32"], 2: ["bytes", "double"], 3: ["embedded", "bool"], 4: ["absent", "string"], 5: ["segments[]", "WeightSegment"] },
    "WeightSegment": { 1: ["offset", "double"], 2: ["bytes", "double"], 3: ["hash", "string"] },
    "Diagnostic": { 1: ["code", "string"], 2: ["severity", "string"], 3: ["message", "string"], 4: ["origin[]", "string"], 5: ["file", "string"], 6: ["line", "double"], 7: ["column", "double"] },
};

export const Reader = $protobuf.Reader;

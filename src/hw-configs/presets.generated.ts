/** Written by scripts/generate-presets.mjs from presets/*.yaml. Do not edit. */
import type { Preset } from './preset.ts';

export const presets: readonly Preset[] = [
  {
    name: 'edge-systolic-32',
    yaml: `# A small edge accelerator of the kind many chips have: no certain product. Figures that come from a certain place say so;
# the others are design choices, marked (choice).
name: edge-systolic-32
description: 32x32 weight-stationary int8 array at 1 GHz, 1 MiB scratchpad, LPDDR4-class memory

# --- chip -----------------------------------------------------------------------------------------------------------------
clocks:
  core: 1 GHz # (choice) common for 28 to 16 nm edge NPUs, as in the 1 GHz examples of the NVDLA primer
referenceClock: core

cores:
  npu:
    count: 1
    clock: core
    scratchpad: scratchpad
    accumulator: accumulator
    matrix:
      kind: systolic # weights stay, activations flow right, sums flow down: Kung, "Why systolic architectures?", Computer 15(1) 1982
      rows: 32
      cols: 32
      dataflow: ws
      doubleBuffered: true # as in TPU v1: Jouppi et al., ISCA 2017, section 2
      rates: { int8: 1 }
      accumulatorBits: 32
      requantize: output-stage # as in gemmlowp and TFLite integer kernels: scaling follows the accumulator
      ports:
        activations: [scratchpad]
        weights: [scratchpad]
        results: [scratchpad]
      start: 8 cycles # (choice) decode and address set-up of one command
    vector:
      lanes: 32 # (choice) one lane per column of the array
      dtypes: [int8, int32, float32]
      # (choice) pipelined add and multiply; divide by iteration; exponential by table and interpolation
      ticksPerOp: { add: 1, mul: 1, div: 8, exp: 4, requantize: 2, reduce: 1, transpose: 1 }
      start: 8 cycles # (choice)
    dma:
      bandwidth: 64 B/cycle # (choice) one burst per cycle, far above what the DRAM gives
      start: 16 cycles # (choice) descriptor fetch and address generation
    semaphores: 32

memories:
  scratchpad:
    kind: scratchpad
    size: 1 MiB
    # (choice) banked: one row of activations, one of weights and both directions of DMA per cycle
    bandwidth: max(4 * cores.npu.matrix.rows, 64) * 1 B/cycle
    latency: 1 cycle
    burst: 1 B
    owner: core
  accumulator:
    kind: scratchpad
    size: 256 KiB # (choice) 2048 rows of 32 sums of 32 bits
    bandwidth: 2 * cores.npu.matrix.cols * 4 B/cycle # one row of sums and one of drained results per cycle
    latency: 1 cycle
    burst: 4 B
    owner: core

  # --- memory system ------------------------------------------------------------------------------------------------------
  dram:
    kind: dram
    size: 2 GiB # (choice)
    # LPDDR4-3200 on 32 bits: 3200 MT/s x 4 B = 12.8 GB/s; JEDEC JESD209-4, speed bin 3200
    bandwidth: 12.8 GB/s
    latency: 100 ns # estimate: tRCD + CL of about 36 ns (JESD209-4) and controller, PHY and interconnect
    burst: 64 B # BL16 on 32 bits = 64 B; JESD209-4
    owner: external

# --- operating point --------------------------------------------------------------------------------------------------------
placement:
  constants: dram
  activations: dram
  state: dram
  inputs: dram
  outputs: dram

host: # estimate: one Cortex-A55-class core at 1.5 to 2 GHz, about one useful scalar operation per cycle
  rate: 2 GOPS
  handover: 20 us # estimate: interrupt, driver and cache maintenance, both ways
  bandwidth: 4 GB/s # estimate: what one such core copies
  memory: dram

# --- technology -------------------------------------------------------------------------------------------------------------
# Energies are those of Horowitz, "Computing's energy problem", ISSCC 2014 (45 nm, 0.9 V), times 0.48 for 28 nm at 0.9 V: the
# polynomials of Stillmaker & Baas, Integration 58 (2017), E = a V^2 + b V + c, give 0.844 at 45 nm, 0.541 at 32 nm and 0.201 at
# 20 nm; 28 nm is interpolated in the logarithm of node and energy.
technology:
  node: 28 nm
  voltage: 0.9 V
  energy:
    mac:
      int8:
        value: 0.145 pJ
        source: 'Horowitz ISSCC 2014: int8 multiply 0.2 pJ + int32 add 0.1 pJ at 45 nm; scaled x0.48 to 28 nm (Stillmaker & Baas 2017)'
        low: 0.1 pJ
        high: 0.3 pJ
    vectorOp:
      value: 0.5 pJ
      source: 'estimate: fp32 add 0.9 pJ at 45 nm (Horowitz ISSCC 2014) x0.48, plus register access of equal order'
      low: 0.1 pJ
      high: 2 pJ
    memory:
      scratchpad:
        value: 1.2 pJ/B
        source: 'estimate: banks of 32 KiB, 20 pJ per 8 B at 45 nm (Horowitz ISSCC 2014, cache row), x0.48; low: 8 KiB banks, high: one 1 MiB array'
        low: 0.6 pJ/B
        high: 6 pJ/B
      accumulator:
        value: 0.6 pJ/B
        source: 'Horowitz ISSCC 2014: 8 KiB SRAM, 10 pJ per 8 B at 45 nm; x0.48 to 28 nm (Stillmaker & Baas 2017)'
        low: 0.3 pJ/B
        high: 1.2 pJ/B
      dram:
        value: 40 pJ/B
        source: 'estimate: LPDDR4 device, PHY and controller at 4 to 6 pJ/bit, an order of magnitude that several sources share'
        low: 32 pJ/B
        high: 48 pJ/B
    hostOp:
      value: 100 pJ
      source: 'estimate: one instruction of a small in-order core; Horowitz ISSCC 2014 gives 70 pJ at 45 nm for the instruction overhead alone'
      low: 35 pJ
      high: 300 pJ
  leakage:
    value: 50 mW
    source: 'estimate: about 5 mm2 of 28 nm logic and SRAM at about 10 mW/mm2, typical corner'
    low: 10 mW
    high: 150 mW
  # Area follows the sizes, so that a sweep over them sees it.
  area:
    array:
      value: 600e-6 * cores.npu.matrix.rows * cores.npu.matrix.cols * 1 mm2
      source: 'estimate: an int8 multiply-accumulator with registers at about 600 um2 in 28 nm'
    vector:
      value: 0.012 * cores.npu.vector.lanes * 1 mm2
      source: 'estimate: a lane of fp32 and int32 arithmetic at about 0.012 mm2'
    scratchpad:
      value: 0.25 * memories.scratchpad.size / 128 KiB * 1 mm2
      source: 'estimate: 0.25 mm2 per Mbit (128 KiB), banked 28 nm SRAM with periphery'
    accumulator:
      value: 0.3 * memories.accumulator.size / 128 KiB * 1 mm2
      source: 'estimate: 0.3 mm2 per Mbit (128 KiB), small wide banks'
    control:
      value: 0.5 mm2
      source: 'estimate: sequencers, DMA, bus interface'
`,
    machine: {
      name: 'edge-systolic-32',
      description: '32x32 weight-stationary int8 array at 1 GHz, 1 MiB scratchpad, LPDDR4-class memory',
      clocks: { core: 1000000000 },
      referenceClock: 'core',
      cores: {
        npu: {
          count: 1,
          clock: 'core',
          scratchpad: 'scratchpad',
          accumulator: 'accumulator',
          matrix: {
            kind: 'systolic',
            rows: 32,
            cols: 32,
            dataflow: 'ws',
            doubleBuffered: true,
            rates: { int8: 1 },
            accumulatorBits: 32,
            requantize: 'output-stage',
            ports: { activations: ['scratchpad'], weights: ['scratchpad'], results: ['scratchpad'] },
            startTicks: 8,
          },
          vector: {
            lanes: 32,
            dtypes: ['int8', 'int32', 'float32'],
            ticksPerOp: { add: 1, mul: 1, div: 8, exp: 4, requantize: 2, reduce: 1, transpose: 1 },
            startTicks: 8,
          },
          dma: { bytesPerTick: 64, startTicks: 16 },
          semaphores: 32,
        },
      },
      memories: {
        scratchpad: {
          kind: 'scratchpad',
          sizeBytes: 1048576,
          readBytesPerSecond: 128000000000,
          writeBytesPerSecond: 128000000000,
          latencyPs: 1000,
          burstBytes: 1,
          readOnly: false,
          owner: 'core',
          model: 'bandwidth',
        },
        accumulator: {
          kind: 'scratchpad',
          sizeBytes: 262144,
          readBytesPerSecond: 256000000000,
          writeBytesPerSecond: 256000000000,
          latencyPs: 1000,
          burstBytes: 4,
          readOnly: false,
          owner: 'core',
          model: 'bandwidth',
        },
        dram: {
          kind: 'dram',
          sizeBytes: 2147483648,
          readBytesPerSecond: 12800000000,
          writeBytesPerSecond: 12800000000,
          latencyPs: 100000,
          burstBytes: 64,
          readOnly: false,
          owner: 'external',
          model: 'bandwidth',
        },
      },
      host: { opsPerSecond: 2000000000, handoverPs: 20000000, bytesPerSecond: 4000000000, memory: 'dram' },
      placement: { constants: 'dram', activations: 'dram', state: 'dram', inputs: 'dram', outputs: 'dram' },
      technology: {
        nodeNm: 28,
        voltage: 0.9,
        energy: {
          macPj: {
            int8: {
              value: 0.145,
              source:
                'Horowitz ISSCC 2014: int8 multiply 0.2 pJ + int32 add 0.1 pJ at 45 nm; scaled x0.48 to 28 nm (Stillmaker & Baas 2017)',
              low: 0.1,
              high: 0.3,
            },
          },
          vectorOpPj: {
            value: 0.5,
            source: 'estimate: fp32 add 0.9 pJ at 45 nm (Horowitz ISSCC 2014) x0.48, plus register access of equal order',
            low: 0.1,
            high: 2,
          },
          memoryPjPerByte: {
            scratchpad: {
              value: 1.2,
              source:
                'estimate: banks of 32 KiB, 20 pJ per 8 B at 45 nm (Horowitz ISSCC 2014, cache row), x0.48; low: 8 KiB banks, high: one 1 MiB array',
              low: 0.6,
              high: 6,
            },
            accumulator: {
              value: 0.6,
              source: 'Horowitz ISSCC 2014: 8 KiB SRAM, 10 pJ per 8 B at 45 nm; x0.48 to 28 nm (Stillmaker & Baas 2017)',
              low: 0.3,
              high: 1.2,
            },
            dram: {
              value: 40,
              source: 'estimate: LPDDR4 device, PHY and controller at 4 to 6 pJ/bit, an order of magnitude that several sources share',
              low: 32,
              high: 48,
            },
          },
          hostOpPj: {
            value: 100,
            source:
              'estimate: one instruction of a small in-order core; Horowitz ISSCC 2014 gives 70 pJ at 45 nm for the instruction overhead alone',
            low: 35,
            high: 300,
          },
        },
        leakageWatts: {
          value: 0.05,
          source: 'estimate: about 5 mm2 of 28 nm logic and SRAM at about 10 mW/mm2, typical corner',
          low: 0.01,
          high: 0.15,
        },
        areaMm2: {
          array: { value: 0.6144, source: 'estimate: an int8 multiply-accumulator with registers at about 600 um2 in 28 nm' },
          vector: { value: 0.384, source: 'estimate: a lane of fp32 and int32 arithmetic at about 0.012 mm2' },
          scratchpad: { value: 2, source: 'estimate: 0.25 mm2 per Mbit (128 KiB), banked 28 nm SRAM with periphery' },
          accumulator: { value: 0.6, source: 'estimate: 0.3 mm2 per Mbit (128 KiB), small wide banks' },
          control: { value: 0.5, source: 'estimate: sequencers, DMA, bus interface' },
        },
      },
      planHash: '74e466728ec58f18',
      timingHash: 'ebd69c513ba1ea1e',
    },
  },
  {
    name: 'ethos-u55-256',
    yaml: `# Arm Ethos-U55 with 256 multiply-accumulators, in a system like Corstone-300. Sources:
#   [Vela]   Arm's compiler ethos-u-vela: architecture table of the accelerator, and system configuration
#            Ethos_U55_High_End_Embedded ("SRAM (4 GB/s) and Flash (0.5 GB/s)") with memory mode Shared_Sram
#   [MLEK]   Arm ML embedded evaluation kit, "Memory considerations" (Corstone-300 on MPS3)
# Values marked estimate were not published.
name: ethos-u55-256
description: Arm Ethos-U55-class microNPU, 256 int8 MACs a cycle at 500 MHz, 2 MiB SRAM, weights in flash

# --- chip -----------------------------------------------------------------------------------------------------------------
clocks:
  core: 500 MHz # [Vela] core_clock
referenceClock: core

cores:
  npu:
    count: 1
    clock: core
    scratchpad: scratchpad
    accumulator: accumulator
    matrix:
      kind: dot-product
      # [Vela] 256 MACs: output micro-block of 2 x 2 pixels x 8 channels, input micro-block of 8 channels
      inputLanes: 8
      outputLanes: 8
      pixels: 4
      rates: { int8: 1 } # int16 activations run at half rate or less; not modelled
      accumulatorBits: 32 # the unit also has 40-bit accumulators, for int16
      requantize: output-stage # the output unit scales every result that leaves the accumulators
      # In the real unit the buffers belong to the engine, which streams SRAM and flash through its own DMA. Here the DMA
      # channels do that, and the engine works on the buffers.
      ports:
        activations: [scratchpad]
        weights: [scratchpad]
        results: [scratchpad]
      start: 32 cycles # estimate: register command stream and block set-up
    vector:
      # [Vela] elementwise output at 0.125 cycles per element at best: 8 elements a cycle
      lanes: 8
      # The unit computes elementwise in 32-bit fixed point; our programs write that arithmetic as float32 of equal cost.
      dtypes: [int8, int32, float32]
      # estimate, after [Vela]'s 0.375 to 0.75 cycles per element for add and multiply with scaling, and table lookup for the rest
      ticksPerOp: { add: 1, mul: 1, div: 4, exp: 2, requantize: 1, reduce: 1, transpose: 1 }
      start: 32 cycles # estimate
    dma:
      bandwidth: 8 B/cycle # two 64-bit AXI ports (Arm Ethos-U55 product page); one for each of SRAM and flash, so 8 B a cycle each way
      start: 16 cycles # estimate
    semaphores: 32

memories:
  # [Vela] 48 banks of 1 KiB of shared buffer RAM (SHRAM), split between feature-map block, weights and accumulators as each
  # operation needs. The split is fixed here: 32 KiB for operands, 16 KiB for accumulators.
  scratchpad:
    kind: scratchpad
    size: 32 KiB
    # estimate: wide enough never to limit the array, as [Vela]'s performance model assumes: 8 channels x 4 pixels of activations
    # and 8 x 8 weights a cycle, both read; half of that for writes
    readBandwidth: (cores.npu.matrix.pixels + cores.npu.matrix.outputLanes) * cores.npu.matrix.inputLanes * 1 B/cycle
    writeBandwidth: 48 B/cycle
    latency: 1 cycle
    burst: 1 B
    owner: core
  accumulator:
    kind: scratchpad
    size: 16 KiB
    # estimate: one set of 8 channels x 4 pixels of 32-bit sums read and written each cycle
    bandwidth: cores.npu.matrix.outputLanes * cores.npu.matrix.pixels * 4 B/cycle
    latency: 1 cycle
    burst: 4 B
    owner: core

  # --- memory system ------------------------------------------------------------------------------------------------------
  sram:
    kind: sram
    size: 2 MiB # [MLEK] two internal SRAM banks of 1 MiB that hold the tensor arena
    bandwidth: 4 GB/s # [Vela] 64-bit AXI at the core clock
    latency: 32 cycles # [Vela] Sram_read_latency, Sram_write_latency
    burst: 32 B # [Vela] Sram_burst_length
    owner: shared
  flash:
    kind: flash
    # A 1 Gbit octal NOR part, as the Macronix MX66UW1G45G on ST's STM32N6570-DK board. ResNet-50 (25 MB) fits; VGG-19 (143 MB) does not.
    size: 128 MiB
    bandwidth: 0.5 GB/s # [Vela] OffChipFlash_clock_scale 0.125 of 4 GB/s
    latency: 64 cycles # [Vela] OffChipFlash_read_latency
    burst: 128 B # [Vela] OffChipFlash_burst_length
    readOnly: true
    owner: external

# --- operating point --------------------------------------------------------------------------------------------------------
placement: # [Vela] memory mode Shared_Sram: constants on AXI 1, arena on AXI 0
  constants: flash
  activations: sram
  state: sram
  inputs: sram
  outputs: sram

host: # Cortex-M55
  rate: 500 MOPS # estimate: one scalar operation a cycle at 500 MHz, without Helium
  handover: 10 us # estimate: interrupt, driver and start of the next command stream
  bandwidth: 2 GB/s # estimate: 32 bits a cycle
  memory: sram

# --- technology -------------------------------------------------------------------------------------------------------------
# Energies: Horowitz, "Computing's energy problem", ISSCC 2014 (45 nm, 0.9 V), times 0.14 for 16 nm at 0.8 V: Stillmaker & Baas,
# Integration 58 (2017), E = a V^2 + b V + c gives 0.120 at 16 nm, 0.8 V, and 0.844 at 45 nm, 0.9 V. Memories scale less well; see each.
technology:
  node: 16 nm
  voltage: 0.8 V
  energy:
    mac:
      int8:
        value: 0.043 pJ
        source: 'Horowitz ISSCC 2014: int8 multiply 0.2 pJ + int32 add 0.1 pJ at 45 nm; scaled x0.14 to 16 nm, 0.8 V (Stillmaker & Baas 2017)'
        low: 0.03 pJ
        high: 0.1 pJ
    vectorOp:
      value: 0.1 pJ
      source: 'estimate: int32 multiply 3.1 pJ and add 0.1 pJ at 45 nm (Horowitz ISSCC 2014) x0.14, one multiply in every five operations'
      low: 0.02 pJ
      high: 0.5 pJ
    memory:
      scratchpad:
        value: 0.25 pJ/B
        source: 'estimate: 8 KiB SRAM, 10 pJ per 8 B at 45 nm (Horowitz ISSCC 2014) x0.2: bit lines and periphery scale less than logic'
        low: 0.18 pJ/B
        high: 0.6 pJ/B
      accumulator:
        value: 0.25 pJ/B
        source: 'estimate: as scratchpad'
        low: 0.18 pJ/B
        high: 0.6 pJ/B
      sram:
        value: 2.5 pJ/B
        source: 'estimate: 1 MiB SRAM, 100 pJ per 8 B at 45 nm (Horowitz ISSCC 2014, cache row) x0.2, bus included'
        low: 1 pJ/B
        high: 6 pJ/B
      flash:
        value: 200 pJ/B
        source: 'estimate: octal NOR at 1.8 V, about 50 mA while reading 400 to 500 MB/s, of the order of data sheets'
        low: 100 pJ/B
        high: 400 pJ/B
    hostOp:
      value: 15 pJ
      source: 'estimate: about 15 uW/MHz for a microcontroller core in 16 nm, one operation a cycle'
      low: 8 pJ
      high: 50 pJ
  leakage:
    value: 3 mW
    source: 'estimate: about 0.3 mm2 of logic and 2 MiB of SRAM in retention-capable 16 nm'
    low: 0.5 mW
    high: 15 mW
  area:
    npu:
      value: 0.25 mm2
      source: 'estimate: announcements of Ethos-U55 speak of about 0.1 mm2 in 16 nm for small configurations (not re-read); 2.5 times that for 256 MACs and 48 KiB of SHRAM'
      low: 0.1 mm2
      high: 0.5 mm2
    sram:
      value: 2.4 mm2
      source: 'estimate: 2 MiB at 0.15 mm2 per Mbit in 16 nm with periphery'
`,
    machine: {
      name: 'ethos-u55-256',
      description: 'Arm Ethos-U55-class microNPU, 256 int8 MACs a cycle at 500 MHz, 2 MiB SRAM, weights in flash',
      clocks: { core: 500000000 },
      referenceClock: 'core',
      cores: {
        npu: {
          count: 1,
          clock: 'core',
          scratchpad: 'scratchpad',
          accumulator: 'accumulator',
          matrix: {
            kind: 'dot-product',
            inputLanes: 8,
            outputLanes: 8,
            pixels: 4,
            rates: { int8: 1 },
            accumulatorBits: 32,
            requantize: 'output-stage',
            ports: { activations: ['scratchpad'], weights: ['scratchpad'], results: ['scratchpad'] },
            startTicks: 32,
          },
          vector: {
            lanes: 8,
            dtypes: ['int8', 'int32', 'float32'],
            ticksPerOp: { add: 1, mul: 1, div: 4, exp: 2, requantize: 1, reduce: 1, transpose: 1 },
            startTicks: 32,
          },
          dma: { bytesPerTick: 8, startTicks: 16 },
          semaphores: 32,
        },
      },
      memories: {
        scratchpad: {
          kind: 'scratchpad',
          sizeBytes: 32768,
          readBytesPerSecond: 48000000000,
          writeBytesPerSecond: 24000000000,
          latencyPs: 2000,
          burstBytes: 1,
          readOnly: false,
          owner: 'core',
          model: 'bandwidth',
        },
        accumulator: {
          kind: 'scratchpad',
          sizeBytes: 16384,
          readBytesPerSecond: 64000000000,
          writeBytesPerSecond: 64000000000,
          latencyPs: 2000,
          burstBytes: 4,
          readOnly: false,
          owner: 'core',
          model: 'bandwidth',
        },
        sram: {
          kind: 'sram',
          sizeBytes: 2097152,
          readBytesPerSecond: 4000000000,
          writeBytesPerSecond: 4000000000,
          latencyPs: 64000,
          burstBytes: 32,
          readOnly: false,
          owner: 'shared',
          model: 'bandwidth',
        },
        flash: {
          kind: 'flash',
          sizeBytes: 134217728,
          readBytesPerSecond: 500000000,
          writeBytesPerSecond: 500000000,
          latencyPs: 128000,
          burstBytes: 128,
          readOnly: true,
          owner: 'external',
          model: 'bandwidth',
        },
      },
      host: { opsPerSecond: 500000000, handoverPs: 10000000, bytesPerSecond: 2000000000, memory: 'sram' },
      placement: { constants: 'flash', activations: 'sram', state: 'sram', inputs: 'sram', outputs: 'sram' },
      technology: {
        nodeNm: 16,
        voltage: 0.8,
        energy: {
          macPj: {
            int8: {
              value: 0.043,
              source:
                'Horowitz ISSCC 2014: int8 multiply 0.2 pJ + int32 add 0.1 pJ at 45 nm; scaled x0.14 to 16 nm, 0.8 V (Stillmaker & Baas 2017)',
              low: 0.03,
              high: 0.1,
            },
          },
          vectorOpPj: {
            value: 0.1,
            source:
              'estimate: int32 multiply 3.1 pJ and add 0.1 pJ at 45 nm (Horowitz ISSCC 2014) x0.14, one multiply in every five operations',
            low: 0.02,
            high: 0.5,
          },
          memoryPjPerByte: {
            scratchpad: {
              value: 0.25,
              source:
                'estimate: 8 KiB SRAM, 10 pJ per 8 B at 45 nm (Horowitz ISSCC 2014) x0.2: bit lines and periphery scale less than logic',
              low: 0.18,
              high: 0.6,
            },
            accumulator: { value: 0.25, source: 'estimate: as scratchpad', low: 0.18, high: 0.6 },
            sram: {
              value: 2.5,
              source: 'estimate: 1 MiB SRAM, 100 pJ per 8 B at 45 nm (Horowitz ISSCC 2014, cache row) x0.2, bus included',
              low: 1,
              high: 6,
            },
            flash: {
              value: 200,
              source: 'estimate: octal NOR at 1.8 V, about 50 mA while reading 400 to 500 MB/s, of the order of data sheets',
              low: 100,
              high: 400,
            },
          },
          hostOpPj: {
            value: 15,
            source: 'estimate: about 15 uW/MHz for a microcontroller core in 16 nm, one operation a cycle',
            low: 8,
            high: 50,
          },
        },
        leakageWatts: {
          value: 0.003,
          source: 'estimate: about 0.3 mm2 of logic and 2 MiB of SRAM in retention-capable 16 nm',
          low: 0.0005,
          high: 0.015,
        },
        areaMm2: {
          npu: {
            value: 0.25,
            source:
              'estimate: announcements of Ethos-U55 speak of about 0.1 mm2 in 16 nm for small configurations (not re-read); 2.5 times that for 256 MACs and 48 KiB of SHRAM',
            low: 0.1,
            high: 0.5,
          },
          sram: { value: 2.4, source: 'estimate: 2 MiB at 0.15 mm2 per Mbit in 16 nm with periphery' },
        },
      },
      planHash: '894b960e10600ed4',
      timingHash: '2e8e74111f905710',
    },
  },
  {
    name: 'tpu-v1',
    yaml: `# Google's first Tensor Processing Unit. [P] = Jouppi et al., "In-Datacenter Performance Analysis of a Tensor Processing Unit",
# ISCA 2017 (arXiv:1704.04760). Values marked estimate are not in the paper.
name: tpu-v1
description: Google TPU v1, 256x256 weight-stationary int8 array at 700 MHz, 24 MiB unified buffer, weights in DDR3

# --- chip -----------------------------------------------------------------------------------------------------------------
clocks:
  core: 700 MHz # [P] table 2
referenceClock: core

cores:
  npu:
    count: 1
    clock: core
    scratchpad: scratchpad
    accumulator: accumulator
    matrix:
      kind: systolic # [P] section 2 and figure 4
      rows: 256
      cols: 256
      dataflow: ws
      doubleBuffered: true # [P] section 2: the matrix unit holds one tile of weights plus one for double buffering
      rates: { int8: 1 } # [P] section 2: half speed for mixed 8/16 bit, quarter for 16 bit; programs here are int8
      accumulatorBits: 32 # [P] section 2
      requantize: output-stage # activation pipeline between accumulators and unified buffer: [P] figure 1
      ports:
        activations: [scratchpad]
        weights: [weightFifo] # weights never pass the unified buffer
        results: [scratchpad]
      start: 12 cycles # estimate: [P] section 2 says instructions average 10 to 20 cycles of issue ("CISC")
    vector: # the activation unit and the pooling hardware beside it
      lanes: 256 # [P] figure 1: paths are 256 B wide
      # The unit works on 32-bit sums and 8-bit results; our programs write elementwise arithmetic as float32 of equal cost.
      dtypes: [int8, int32, float32]
      ticksPerOp: { add: 1, mul: 1, div: 4, exp: 1, requantize: 1, reduce: 1, transpose: 2 } # estimate: one pass each; functions by table
      start: 12 cycles # estimate
    dma:
      bandwidth: 256 B/cycle # [P] section 2: internal paths are 256 bytes wide
      start: 32 cycles # estimate
    semaphores: 32

memories:
  scratchpad: # the unified buffer
    kind: scratchpad
    size: 24 MiB # [P] table 2 and section 2
    bandwidth: 2 * 256 B/cycle # [P] figure 1: 167 GiB/s = 256 B a cycle to the array; the same again for DMA and results (estimate)
    latency: 4 cycles # estimate: a large banked memory
    burst: 256 B # one row of 256 values
    owner: core
  accumulator:
    kind: scratchpad
    size: 4096 * cores.npu.matrix.cols * 4 B # [P] section 2: 4 MiB, 4096 rows of 256 32-bit sums
    bandwidth: 2 * cores.npu.matrix.cols * 4 B/cycle # [P]: one row of 256 sums a cycle; the same again for draining (estimate)
    latency: 1 cycle
    burst: 4 B
    owner: core
  weightFifo:
    kind: scratchpad
    size: 4 * cores.npu.matrix.rows * cores.npu.matrix.cols * 1 B # [P] section 2: four tiles of 64 KiB deep
    bandwidth: cores.npu.matrix.cols * 1 B/cycle # [P] section 2: 256 cycles to shift a tile of 64 KiB in
    latency: 1 cycle
    burst: 64 B
    owner: core

  # --- memory system ------------------------------------------------------------------------------------------------------
  dram: # weight memory
    kind: dram
    size: 8 GiB # [P] section 2
    bandwidth: 34 GB/s # [P] table 2
    latency: 100 ns # estimate: DDR3-2133 tRCD + CL of about 26 ns (JEDEC JESD79-3), controller and queue
    burst: 64 B # JESD79-3: BL8 on 64 bits
    owner: external
  hostmem: # memory of the server, behind the link
    kind: link
    size: 256 GiB # [P] table 2: DRAM of the server
    bandwidth: 14 GiB/s # [P] figure 1: host interface over PCIe Gen3 x16 (8 GT/s x 16, 128b/130b: 15.75 GB/s raw)
    latency: 1 us # estimate: a PCIe read round trip
    burst: 256 B # estimate: usual maximum payload of PCIe
    owner: external

# --- operating point --------------------------------------------------------------------------------------------------------
placement:
  constants: dram # [P] section 2: weights stay in weight memory, several models at once
  activations: scratchpad # [P] section 2: intermediate results are held in the unified buffer
  state: scratchpad
  inputs: hostmem # [P] section 2: inputs and outputs travel over PCIe
  outputs: hostmem

host: # Haswell server: [P] table 2
  rate: 50 GOPS # estimate: a few per cent of the 1.3 TFLOPS peak of [P] table 2, for short memory-bound operators
  handover: 20 us # estimate: driver and PCIe, both ways
  bandwidth: 14 GiB/s # operands cross the link
  memory: hostmem

# --- technology -------------------------------------------------------------------------------------------------------------
# Energies: Horowitz, "Computing's energy problem", ISSCC 2014 (45 nm, 0.9 V), times 0.48 for 28 nm at 0.9 V: Stillmaker & Baas,
# Integration 58 (2017), 28 nm interpolated between 32 and 20 nm in the logarithm of node and energy.
technology:
  node: 28 nm # [P] table 2
  voltage: 0.9 V # estimate: nominal for 28 nm
  energy:
    mac:
      int8:
        value: 0.145 pJ
        source: 'Horowitz ISSCC 2014: int8 multiply 0.2 pJ + int32 add 0.1 pJ at 45 nm; scaled x0.48 to 28 nm (Stillmaker & Baas 2017)'
        low: 0.1 pJ
        high: 0.4 pJ
    vectorOp:
      value: 0.5 pJ
      source: 'estimate: fp32 add 0.9 pJ at 45 nm (Horowitz ISSCC 2014) x0.48, plus register access of equal order'
      low: 0.1 pJ
      high: 2 pJ
    memory:
      scratchpad:
        value: 3 pJ/B
        source: 'estimate: between 32 KiB (20 pJ) and 1 MiB (100 pJ per 8 B at 45 nm; Horowitz ISSCC 2014, cache row) x0.48: 24 MiB of wide banks'
        low: 1.2 pJ/B
        high: 6 pJ/B
      accumulator:
        value: 1.2 pJ/B
        source: 'estimate: banks of 32 KiB, 20 pJ per 8 B at 45 nm (Horowitz ISSCC 2014, cache row) x0.48'
        low: 0.6 pJ/B
        high: 3 pJ/B
      weightFifo:
        value: 1.2 pJ/B
        source: 'estimate: as accumulator'
        low: 0.6 pJ/B
        high: 3 pJ/B
      dram:
        value: 240 pJ/B
        source: 'Horowitz ISSCC 2014: 1.3 to 2.6 nJ per 64 bits of DRAM; middle of the range'
        low: 162 pJ/B
        high: 325 pJ/B
      hostmem:
        value: 300 pJ/B
        source: 'estimate: DRAM of the host as above, plus 5 to 8 pJ/bit of PCIe Gen3 PHY'
        low: 200 pJ/B
        high: 400 pJ/B
    hostOp:
      value: 2 nJ
      source: 'estimate: 145 W TDP of the Haswell CPU (Jouppi et al. ISCA 2017 table 2) over some 50 to 100 useful GOPS'
      low: 0.5 nJ
      high: 5 nJ
  leakage:
    value: 28 W
    source: 'Jouppi et al. ISCA 2017 table 2: 28 W per die idle (clocks and memory interface included, so not leakage alone); 40 W busy'
  area: # [P]: the die is at most half of Haswell's 662 mm2 (table 2), shares from the floor plan (figure 2); so these are upper bounds
    array:
      value: 79 mm2
      source: 'Jouppi et al. ISCA 2017 figure 2: 24 % of at most 331 mm2'
    unifiedBuffer:
      value: 96 mm2
      source: 'Jouppi et al. ISCA 2017 figure 2: 29 % of at most 331 mm2'
    accumulators:
      value: 20 mm2
      source: 'Jouppi et al. ISCA 2017 figure 2: 6 % of at most 331 mm2'
    activation:
      value: 20 mm2
      source: 'Jouppi et al. ISCA 2017 figure 2: 6 % of at most 331 mm2'
    rest:
      value: 116 mm2
      source: 'Jouppi et al. ISCA 2017 figure 2: interfaces, control and unused area, the remaining 35 % of at most 331 mm2'
`,
    machine: {
      name: 'tpu-v1',
      description: 'Google TPU v1, 256x256 weight-stationary int8 array at 700 MHz, 24 MiB unified buffer, weights in DDR3',
      clocks: { core: 700000000 },
      referenceClock: 'core',
      cores: {
        npu: {
          count: 1,
          clock: 'core',
          scratchpad: 'scratchpad',
          accumulator: 'accumulator',
          matrix: {
            kind: 'systolic',
            rows: 256,
            cols: 256,
            dataflow: 'ws',
            doubleBuffered: true,
            rates: { int8: 1 },
            accumulatorBits: 32,
            requantize: 'output-stage',
            ports: { activations: ['scratchpad'], weights: ['weightFifo'], results: ['scratchpad'] },
            startTicks: 12,
          },
          vector: {
            lanes: 256,
            dtypes: ['int8', 'int32', 'float32'],
            ticksPerOp: { add: 1, mul: 1, div: 4, exp: 1, requantize: 1, reduce: 1, transpose: 2 },
            startTicks: 12,
          },
          dma: { bytesPerTick: 256, startTicks: 32 },
          semaphores: 32,
        },
      },
      memories: {
        scratchpad: {
          kind: 'scratchpad',
          sizeBytes: 25165824,
          readBytesPerSecond: 358400000000,
          writeBytesPerSecond: 358400000000,
          latencyPs: 5714,
          burstBytes: 256,
          readOnly: false,
          owner: 'core',
          model: 'bandwidth',
        },
        accumulator: {
          kind: 'scratchpad',
          sizeBytes: 4194304,
          readBytesPerSecond: 1433600000000,
          writeBytesPerSecond: 1433600000000,
          latencyPs: 1428,
          burstBytes: 4,
          readOnly: false,
          owner: 'core',
          model: 'bandwidth',
        },
        weightFifo: {
          kind: 'scratchpad',
          sizeBytes: 262144,
          readBytesPerSecond: 179200000000,
          writeBytesPerSecond: 179200000000,
          latencyPs: 1428,
          burstBytes: 64,
          readOnly: false,
          owner: 'core',
          model: 'bandwidth',
        },
        dram: {
          kind: 'dram',
          sizeBytes: 8589934592,
          readBytesPerSecond: 34000000000,
          writeBytesPerSecond: 34000000000,
          latencyPs: 100000,
          burstBytes: 64,
          readOnly: false,
          owner: 'external',
          model: 'bandwidth',
        },
        hostmem: {
          kind: 'link',
          sizeBytes: 274877906944,
          readBytesPerSecond: 15032385536,
          writeBytesPerSecond: 15032385536,
          latencyPs: 1000000,
          burstBytes: 256,
          readOnly: false,
          owner: 'external',
          model: 'bandwidth',
        },
      },
      host: { opsPerSecond: 50000000000, handoverPs: 20000000, bytesPerSecond: 15032385536, memory: 'hostmem' },
      placement: { constants: 'dram', activations: 'scratchpad', state: 'scratchpad', inputs: 'hostmem', outputs: 'hostmem' },
      technology: {
        nodeNm: 28,
        voltage: 0.9,
        energy: {
          macPj: {
            int8: {
              value: 0.145,
              source:
                'Horowitz ISSCC 2014: int8 multiply 0.2 pJ + int32 add 0.1 pJ at 45 nm; scaled x0.48 to 28 nm (Stillmaker & Baas 2017)',
              low: 0.1,
              high: 0.4,
            },
          },
          vectorOpPj: {
            value: 0.5,
            source: 'estimate: fp32 add 0.9 pJ at 45 nm (Horowitz ISSCC 2014) x0.48, plus register access of equal order',
            low: 0.1,
            high: 2,
          },
          memoryPjPerByte: {
            scratchpad: {
              value: 3,
              source:
                'estimate: between 32 KiB (20 pJ) and 1 MiB (100 pJ per 8 B at 45 nm; Horowitz ISSCC 2014, cache row) x0.48: 24 MiB of wide banks',
              low: 1.2,
              high: 6,
            },
            accumulator: {
              value: 1.2,
              source: 'estimate: banks of 32 KiB, 20 pJ per 8 B at 45 nm (Horowitz ISSCC 2014, cache row) x0.48',
              low: 0.6,
              high: 3,
            },
            weightFifo: { value: 1.2, source: 'estimate: as accumulator', low: 0.6, high: 3 },
            dram: {
              value: 240,
              source: 'Horowitz ISSCC 2014: 1.3 to 2.6 nJ per 64 bits of DRAM; middle of the range',
              low: 162,
              high: 325,
            },
            hostmem: {
              value: 300,
              source: 'estimate: DRAM of the host as above, plus 5 to 8 pJ/bit of PCIe Gen3 PHY',
              low: 200,
              high: 400,
            },
          },
          hostOpPj: {
            value: 2000,
            source: 'estimate: 145 W TDP of the Haswell CPU (Jouppi et al. ISCA 2017 table 2) over some 50 to 100 useful GOPS',
            low: 500,
            high: 5000,
          },
        },
        leakageWatts: {
          value: 28,
          source:
            'Jouppi et al. ISCA 2017 table 2: 28 W per die idle (clocks and memory interface included, so not leakage alone); 40 W busy',
        },
        areaMm2: {
          array: { value: 79, source: 'Jouppi et al. ISCA 2017 figure 2: 24 % of at most 331 mm2' },
          unifiedBuffer: { value: 96, source: 'Jouppi et al. ISCA 2017 figure 2: 29 % of at most 331 mm2' },
          accumulators: { value: 20, source: 'Jouppi et al. ISCA 2017 figure 2: 6 % of at most 331 mm2' },
          activation: { value: 20, source: 'Jouppi et al. ISCA 2017 figure 2: 6 % of at most 331 mm2' },
          rest: {
            value: 116,
            source: 'Jouppi et al. ISCA 2017 figure 2: interfaces, control and unused area, the remaining 35 % of at most 331 mm2',
          },
        },
      },
      planHash: '3e535963e053db70',
      timingHash: '45613b692bad3e8e',
    },
  },
];

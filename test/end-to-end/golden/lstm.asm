systole 1
model test sha256 "0000000000000000000000000000000000000000000000000000000000000000" macs 2016 parameterBytes 576 opset 21
target tiny-8x8 plan "7904441bca59ac6c"
option precision = "fp32"
option calibrated = false

space 0 scratchpad
space 1 accumulator
space 2 dram

region 0 weights weights space 2 bytes 640 align 4096
region 1 input input space 2 bytes 216 align 4096
region 2 output-moved2 output space 2 bytes 352 align 4096
region 3 output output space 2 bytes 80 align 4096
region 4 arena-moved1 arena space 2 bytes 1152 align 4096
region 5 arena arena space 2 bytes 144 align 4096

kernel 0 "lstm0:gemm" contraction matrix float32 macs 864 tiles 1 estimate 649
  origin lstm0
  mapping "n16 c3 m18, weights-outer, 2 input tiles, 2 weight tiles"
  work contraction groups 1 batches 1 m 18 n 16 channels 3 taps 1 laneTicks 0
  cold read weights dram 256
  cold read inputs dram 216
kernel 1 "lstm0:start" move dma float32 macs 0 tiles 1 estimate 0
  origin lstm0
  mapping "1 part"
  work none
  cold read weights dram 16
kernel 2 "lstm0:start_2" move dma float32 macs 0 tiles 1 estimate 0
  origin lstm0
  mapping "1 part"
  work none
  cold read weights dram 16
kernel 3 "lstm0:matmul" contraction matrix float32 macs 1152 tiles 18 estimate 6354
  origin lstm0
  mapping "n16 c4 m1, weights-outer, 2 input tiles, 2 weight tiles, 18 trips"
  work contraction groups 1 batches 18 m 1 n 16 channels 4 taps 1 laneTicks 288
  cold read weights dram 256
kernel 4 "lstm0:sigmoid" elementwise vector float32 macs 0 tiles 18 estimate 0
  origin lstm0
  mapping "12 of 12, 2 buffers, 18 trips"
  work vector laneTicks 864
kernel 5 "lstm0:mul" elementwise vector float32 macs 0 tiles 18 estimate 0
  origin lstm0
  mapping "4 of 4, 2 buffers, 18 trips"
  work vector laneTicks 72
kernel 6 "lstm0:tanh" elementwise vector float32 macs 0 tiles 18 estimate 0
  origin lstm0
  mapping "4 of 4, 2 buffers, 18 trips"
  work vector laneTicks 432
  cold write outputs dram 16
kernel 7 "lstm0:tanh_2" elementwise vector float32 macs 0 tiles 18 estimate 0
  origin lstm0
  mapping "4 of 4, 2 buffers, 18 trips"
  work vector laneTicks 360
  cold write outputs dram 288
kernel 8 "lstm0:reshape_4" move dma float32 macs 0 tiles 1 estimate 0
  origin lstm0
  mapping "1 part"
  work none
  cold write outputs dram 16

entry main program 0
  input x region 1 offset 0 float32[18, 1, 3]
  output lstm0_0 region 2 offset 64 float32[18, 1, 1, 4]
  output lstm0_1 region 3 offset 64 float32[1, 1, 4]
  output lstm0_2 region 3 offset 0 float32[1, 1, 4]

node lstm0 LSTM kernel 0

weights region 0 bytes 640 absent "--no-weights"
  segment 0 bytes 192 hash "98552eeda28f0db6"
  segment 192 bytes 64 hash "096b177316630faa"
  segment 256 bytes 16 hash "36cd65b1a1e81728"
  segment 320 bytes 16 hash "36cd65b1a1e81728"
  segment 384 bytes 256 hash "605dec6d985ad63e"

program main
; kernel 0 lstm0:gemm: lstm0 (n16 c3 m18, weights-outer, 2 input tiles, 2 weight tiles)
 0: c0.dma-in  k0 LOAD weights dst=scratchpad+512 float32[48] src=dram:weights+0 float32[48]
 1: c0.dma-in  k0 LOAD inputs dst=scratchpad+0 float32[18, 3] src=dram:input+0 float32[18, 3]
 2: c0.dma-in  k0 LOAD weights dst=scratchpad+896 uint8[64] src=dram:weights+192 uint8[64]
 3: c0.dma-in  k0 SIGNAL core 0 semaphore 1 count 1
 4: c0.matrix  k0 WAIT core 0 semaphore 1 count 1
 5: c0.matrix  k0 MATMUL overwrite x=scratchpad+0 float32[18, 3] w=scratchpad+512 float32[3, 16] acc=accumulator+0 float32[18, 16] out=scratchpad+1024 float32[18, 16] bias=scratchpad+896 float32[16]
 6: c0.matrix  k0 SIGNAL core 0 semaphore 5 count 1
 7: c0.matrix  k0 SIGNAL core 0 semaphore 6 count 1
 8: c0.dma-out k0 WAIT core 0 semaphore 6 count 1
 9: c0.dma-out k0 STORE outputs dst=dram:arena-moved1+0 float32[18, 16] src=scratchpad+1024 float32[18, 16]
; kernel 1 lstm0:start: lstm0 (1 part)
10: c0.dma-in  k1 WAIT core 0 semaphore 5 count 1
11: c0.dma-in  k1 LOAD weights dst=scratchpad+0 float32[4] src=dram:weights+256 float32[4]
12: c0.dma-in  k1 SIGNAL core 0 semaphore 0 count 1
13: c0.dma-out k1 WAIT core 0 semaphore 0 count 1
14: c0.dma-out k1 STORE outputs dst=dram:output-moved2+48 float32[4] src=scratchpad+0 float32[4]
15: c0.dma-out k1 SIGNAL core 0 semaphore 3 count 1
; kernel 2 lstm0:start_2: lstm0 (1 part)
16: c0.dma-in  k2 WAIT core 0 semaphore 3 count 1
17: c0.dma-in  k2 LOAD weights dst=scratchpad+0 float32[4] src=dram:weights+320 float32[4]
18: c0.dma-in  k2 SIGNAL core 0 semaphore 0 count 1
19: c0.dma-out k2 WAIT core 0 semaphore 0 count 1
20: c0.dma-out k2 STORE outputs dst=dram:output+0 float32[4] src=scratchpad+0 float32[4]
; kernel 3 lstm0:matmul: lstm0 (n16 c4 m1, weights-outer, 2 input tiles, 2 weight tiles, 18 trips)
21: c0.vector  k3 SIGNAL core 0 semaphore 10 count 1
22: c0.dma-out k3 SIGNAL core 0 semaphore 3 count 1
23: c0.dma-out k3 SIGNAL core 0 semaphore 4 count 1
24: c0.dma-in  k- REPEAT 18 length 63 step arena-moved1+64 step output-moved2+16
; kernel 3 lstm0:matmul: lstm0 (n16 c4 m1, weights-outer, 2 input tiles, 2 weight tiles, 18 trips)
25: c0.dma-in  k3   LOAD weights dst=scratchpad+65152 float32[64] src=dram:weights+384 float32[64]
26: c0.dma-in  k3   WAIT core 0 semaphore 3 count 1
27: c0.dma-in  k3   LOAD inputs dst=scratchpad+65472 float32[4] src=dram:output-moved2+48 float32[4]
28: c0.dma-in  k3   SIGNAL core 0 semaphore 1 count 1
29: c0.matrix  k3   WAIT core 0 semaphore 10 count 1
30: c0.matrix  k3   WAIT core 0 semaphore 4 count 1
31: c0.matrix  k3   WAIT core 0 semaphore 1 count 1
32: c0.matrix  k3   MATMUL overwrite x=scratchpad+65472 float32[1, 4] w=scratchpad+65152 float32[4, 16] acc=accumulator+16320 float32[1, 16] out=scratchpad+64832 float32[1, 16]
33: c0.matrix  k3   SIGNAL core 0 semaphore 7 count 1
34: c0.dma-in  k3   LOAD inputs dst=scratchpad+64704 float32[16] src=dram:arena-moved1+0 float32[16]
35: c0.dma-in  k3   SIGNAL core 0 semaphore 2 count 1
36: c0.vector  k3   WAIT core 0 semaphore 7 count 1
37: c0.vector  k3   WAIT core 0 semaphore 2 count 1
38: c0.vector  k3   VECTOR in=scratchpad+64832 float32[16] in=scratchpad+64704 float32[16] out=scratchpad+64832 float32[16] { load 0 0 | load 1 1 | add 2 0 1 | store 0 2 }
39: c0.vector  k3   SIGNAL core 0 semaphore 9 count 1
40: c0.vector  k3   SIGNAL core 0 semaphore 10 count 1
41: c0.dma-out k3   WAIT core 0 semaphore 9 count 1
42: c0.dma-out k3   STORE outputs dst=dram:arena+0 float32[16] src=scratchpad+64832 float32[16]
43: c0.dma-out k3   SIGNAL core 0 semaphore 3 count 1
44: c0.dma-out k3   SIGNAL core 0 semaphore 4 count 1
; kernel 4 lstm0:sigmoid: lstm0 (12 of 12, 2 buffers, 18 trips)
45: c0.dma-in  k4   WAIT core 0 semaphore 3 count 1
46: c0.dma-in  k4   LOAD inputs dst=scratchpad+0 float32[12] src=dram:arena+0 float32[12]
47: c0.dma-in  k4   SIGNAL core 0 semaphore 2 count 1
48: c0.vector  k4   WAIT core 0 semaphore 2 count 1
49: c0.vector  k4   VECTOR in=scratchpad+0 float32[12] out=scratchpad+128 float32[12] { load 0 0 | sigmoid 1 0 | store 0 1 }
50: c0.vector  k4   SIGNAL core 0 semaphore 9 count 1
51: c0.dma-out k4   WAIT core 0 semaphore 9 count 1
52: c0.dma-out k4   STORE outputs dst=dram:arena+64 float32[12] src=scratchpad+128 float32[12]
53: c0.dma-out k4   SIGNAL core 0 semaphore 3 count 1
; kernel 5 lstm0:mul: lstm0 (4 of 4, 2 buffers, 18 trips)
54: c0.dma-in  k5   WAIT core 0 semaphore 3 count 1
55: c0.dma-in  k5   LOAD inputs dst=scratchpad+65472 float32[4] src=dram:arena+96 float32[4]
56: c0.dma-in  k5   LOAD inputs dst=scratchpad+65344 float32[4] src=dram:output+0 float32[4]
57: c0.dma-in  k5   SIGNAL core 0 semaphore 2 count 1
58: c0.vector  k5   WAIT core 0 semaphore 2 count 1
59: c0.vector  k5   VECTOR in=scratchpad+65472 float32[4] in=scratchpad+65344 float32[4] out=scratchpad+65216 float32[4] { load 0 0 | load 1 1 | mul 2 0 1 | store 0 2 }
60: c0.vector  k5   SIGNAL core 0 semaphore 8 count 1
61: c0.vector  k5   SIGNAL core 0 semaphore 9 count 1
62: c0.dma-out k5   WAIT core 0 semaphore 9 count 1
63: c0.dma-out k5   STORE outputs dst=dram:arena+128 float32[4] src=scratchpad+65216 float32[4]
64: c0.dma-out k5   SIGNAL core 0 semaphore 3 count 1
; kernel 6 lstm0:tanh: lstm0 (4 of 4, 2 buffers, 18 trips)
65: c0.dma-in  k6   LOAD inputs dst=scratchpad+0 float32[4] src=dram:arena+48 float32[4]
66: c0.dma-in  k6   LOAD inputs dst=scratchpad+128 float32[4] src=dram:arena+64 float32[4]
67: c0.dma-in  k6   WAIT core 0 semaphore 3 count 1
68: c0.dma-in  k6   LOAD inputs dst=scratchpad+256 float32[4] src=dram:arena+128 float32[4]
69: c0.dma-in  k6   SIGNAL core 0 semaphore 2 count 1
70: c0.vector  k6   WAIT core 0 semaphore 2 count 1
71: c0.vector  k6   VECTOR in=scratchpad+0 float32[4] in=scratchpad+128 float32[4] in=scratchpad+256 float32[4] out=scratchpad+384 float32[4] { load 0 0 | tanh 1 0 | load 2 1 | mul 3 2 1 | load 4 2 | add 5 4 3 | store 0 5 }
72: c0.vector  k6   SIGNAL core 0 semaphore 8 count 1
73: c0.vector  k6   SIGNAL core 0 semaphore 9 count 1
74: c0.dma-out k6   WAIT core 0 semaphore 9 count 1
75: c0.dma-out k6   STORE outputs dst=dram:output+0 float32[4] src=scratchpad+384 float32[4]
76: c0.dma-out k6   SIGNAL core 0 semaphore 3 count 1
; kernel 7 lstm0:tanh_2: lstm0 (4 of 4, 2 buffers, 18 trips)
77: c0.dma-in  k7   WAIT core 0 semaphore 8 count 2
78: c0.dma-in  k7   WAIT core 0 semaphore 3 count 1
79: c0.dma-in  k7   LOAD inputs dst=scratchpad+0 float32[4] src=dram:output+0 float32[4]
80: c0.dma-in  k7   LOAD inputs dst=scratchpad+128 float32[4] src=dram:arena+80 float32[4]
81: c0.dma-in  k7   SIGNAL core 0 semaphore 2 count 1
82: c0.vector  k7   WAIT core 0 semaphore 2 count 1
83: c0.vector  k7   VECTOR in=scratchpad+0 float32[4] in=scratchpad+128 float32[4] out=scratchpad+256 float32[4] { load 0 0 | tanh 1 0 | load 2 1 | mul 3 2 1 | store 0 3 }
84: c0.vector  k7   SIGNAL core 0 semaphore 9 count 1
85: c0.dma-out k7   WAIT core 0 semaphore 9 count 1
86: c0.dma-out k7   STORE outputs dst=dram:output-moved2+64 float32[4] src=scratchpad+256 float32[4]
87: c0.dma-out k7   SIGNAL core 0 semaphore 3 count 1
88: c0.dma-out k- SIGNAL core 0 semaphore 3 count 1
89: c0.vector  k- SIGNAL core 0 semaphore 8 count 1
; kernel 8 lstm0:reshape_4: lstm0 (1 part)
90: c0.dma-in  k8 WAIT core 0 semaphore 8 count 1
91: c0.dma-in  k8 WAIT core 0 semaphore 3 count 2
92: c0.dma-in  k8 LOAD inputs dst=scratchpad+0 float32[4] src=dram:output-moved2+336 float32[4]
93: c0.dma-in  k8 SIGNAL core 0 semaphore 0 count 1
94: c0.dma-out k8 WAIT core 0 semaphore 0 count 1
95: c0.dma-out k8 STORE outputs dst=dram:output+64 float32[4] src=scratchpad+0 float32[4]
96: c0.matrix  k- WAIT core 0 semaphore 4 count 1
97: c0.matrix  k- WAIT core 0 semaphore 10 count 1

end

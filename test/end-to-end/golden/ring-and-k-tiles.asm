systole 1
model ring-and-k-tiles sha256 "0000000000000000000000000000000000000000000000000000000000000000" macs 185344 parameterBytes 8704 opset 17
target tiny-8x8 plan "68b0a8700861a12d"
option precision = "int8"
option calibrated = true

space 0 scratchpad
space 1 accumulator
space 2 dram

region 0 weights weights space 2 bytes 2336 align 4096
region 1 input input space 2 bytes 1152 align 4096
region 2 output output space 2 bytes 512 align 4096
region 3 arena arena space 2 bytes 1152 align 4096

kernel 0 conv0 contraction matrix int8 macs 82944 tiles 4 estimate 2045
  origin conv0 relu1
  mapping "n8 c8 3×12, weights-outer, ring of 8 rows, 1 weight tiles"
  work contraction groups 1 batches 1 m 144 n 8 channels 8 taps 9 laneTicks 0
  cold read weights dram 608
  cold read inputs dram 1152
kernel 1 conv2 contraction matrix int8 macs 102400 tiles 2 estimate 2829
  origin conv2
  mapping "n8 c4 8×8, weights-outer, 1 input tiles, 1 weight tiles"
  work contraction groups 1 batches 1 m 64 n 8 channels 8 taps 25 laneTicks 0
  cold read weights dram 1632
  cold write outputs dram 512

entry main program 0
  input x region 1 offset 0 int8[1, 8, 12, 12] scale 0.022968551144003868 zero -1
  output conv2_out region 2 offset 0 int8[1, 8, 8, 8] scale 0.008711435832083225 zero -4

node conv0 Conv kernel 0
node relu1 Relu kernel 0
node conv2 Conv kernel 1

weights region 0 bytes 2336 absent "--no-weights"
  segment 0 bytes 576 hash "cd663b0b8d2142a1"
  segment 576 bytes 32 hash "35c8748b89f87c4f"
  segment 640 bytes 800 hash "cfbcb4aeac08dd45"
  segment 1472 bytes 800 hash "798d5ea1c3f808a7"
  segment 2304 bytes 32 hash "1dff29a7f30659c2"

program main
; kernel 0 conv0: conv0, relu1 (n8 c8 3×12, weights-outer, ring of 8 rows, 1 weight tiles)
 0: c0.dma-in  k0 LOAD weights dst=scratchpad+768 int8[576] src=dram:weights+0 int8[576]
 1: c0.dma-in  k0 LOAD inputs dst=scratchpad+0 int8[4, 8, 12] ring[0, 768, 0] src=dram:input+0 int8[4, 8, 12] stride[12, 144, 1]
 2: c0.dma-in  k0 LOAD weights dst=scratchpad+1344 uint8[32] src=dram:weights+576 uint8[32]
 3: c0.dma-in  k0 SIGNAL core 0 semaphore 0 count 1
 4: c0.matrix  k0 WAIT core 0 semaphore 0 count 1
 5: c0.matrix  k0 CONV overwrite x=scratchpad+0 int8[1, 8, 4, 12] stride[0, 12, 96, 1] ring[0, 768, 2] w=scratchpad+768 int8[8, 8, 3, 3] acc=accumulator+0 int32[1, 8, 3, 12] pad=1,1 zero=-1,0 out=scratchpad+1408 int8[1, 8, 3, 12] multiplier=scratchpad+1344 float32[8] outZero=-128 clamp=-128,inf
 6: c0.matrix  k0 SIGNAL core 0 semaphore 3 count 1
 7: c0.matrix  k0 SIGNAL core 0 semaphore 4 count 1
 8: c0.dma-out k0 WAIT core 0 semaphore 4 count 1
 9: c0.dma-out k0 STORE outputs dst=dram:arena+0 int8[8, 3, 12] stride[144, 12, 1] src=scratchpad+1408 int8[8, 3, 12]
10: c0.dma-out k0 SIGNAL core 0 semaphore 2 count 1
11: c0.dma-in  k0 LOAD inputs dst=scratchpad+384 int8[3, 8, 12] ring[0, 768, 0] src=dram:input+48 int8[3, 8, 12] stride[12, 144, 1]
12: c0.dma-in  k0 SIGNAL core 0 semaphore 0 count 1
13: c0.matrix  k0 WAIT core 0 semaphore 0 count 1
14: c0.matrix  k0 CONV overwrite x=scratchpad+192 int8[1, 8, 5, 12] stride[0, 12, 96, 1] ring[0, 768, 2] w=scratchpad+768 int8[8, 8, 3, 3] acc=accumulator+0 int32[1, 8, 3, 12] pad=0,1 zero=-1,0 out=scratchpad+1728 int8[1, 8, 3, 12] multiplier=scratchpad+1344 float32[8] outZero=-128 clamp=-128,inf
15: c0.matrix  k0 SIGNAL core 0 semaphore 3 count 1
16: c0.matrix  k0 SIGNAL core 0 semaphore 4 count 1
17: c0.dma-out k0 WAIT core 0 semaphore 4 count 1
18: c0.dma-out k0 STORE outputs dst=dram:arena+36 int8[8, 3, 12] stride[144, 12, 1] src=scratchpad+1728 int8[8, 3, 12]
19: c0.dma-out k0 SIGNAL core 0 semaphore 2 count 1
20: c0.dma-in  k0 WAIT core 0 semaphore 3 count 1
21: c0.dma-in  k0 LOAD inputs dst=scratchpad+672 int8[3, 8, 12] ring[0, 768, 0] src=dram:input+84 int8[3, 8, 12] stride[12, 144, 1]
22: c0.dma-in  k0 SIGNAL core 0 semaphore 0 count 1
23: c0.matrix  k0 WAIT core 0 semaphore 2 count 1
24: c0.matrix  k0 WAIT core 0 semaphore 0 count 1
25: c0.matrix  k0 CONV overwrite x=scratchpad+480 int8[1, 8, 5, 12] stride[0, 12, 96, 1] ring[0, 768, 2] w=scratchpad+768 int8[8, 8, 3, 3] acc=accumulator+0 int32[1, 8, 3, 12] pad=0,1 zero=-1,0 out=scratchpad+1408 int8[1, 8, 3, 12] multiplier=scratchpad+1344 float32[8] outZero=-128 clamp=-128,inf
26: c0.matrix  k0 SIGNAL core 0 semaphore 4 count 1
27: c0.dma-out k0 WAIT core 0 semaphore 4 count 1
28: c0.dma-out k0 STORE outputs dst=dram:arena+72 int8[8, 3, 12] stride[144, 12, 1] src=scratchpad+1408 int8[8, 3, 12]
29: c0.dma-out k0 SIGNAL core 0 semaphore 1 count 1
30: c0.dma-in  k0 WAIT core 0 semaphore 3 count 1
31: c0.dma-in  k0 LOAD inputs dst=scratchpad+192 int8[2, 8, 12] ring[0, 768, 0] src=dram:input+120 int8[2, 8, 12] stride[12, 144, 1]
32: c0.dma-in  k0 SIGNAL core 0 semaphore 0 count 1
33: c0.matrix  k0 WAIT core 0 semaphore 2 count 1
34: c0.matrix  k0 WAIT core 0 semaphore 0 count 1
35: c0.matrix  k0 CONV overwrite x=scratchpad+0 int8[1, 8, 4, 12] stride[0, 12, 96, 1] ring[0, 768, 2] w=scratchpad+768 int8[8, 8, 3, 3] acc=accumulator+0 int32[1, 8, 3, 12] pad=0,1 zero=-1,0 out=scratchpad+1728 int8[1, 8, 3, 12] multiplier=scratchpad+1344 float32[8] outZero=-128 clamp=-128,inf
36: c0.matrix  k0 SIGNAL core 0 semaphore 3 count 1
37: c0.matrix  k0 SIGNAL core 0 semaphore 4 count 1
38: c0.dma-out k0 WAIT core 0 semaphore 4 count 1
39: c0.dma-out k0 STORE outputs dst=dram:arena+108 int8[8, 3, 12] stride[144, 12, 1] src=scratchpad+1728 int8[8, 3, 12]
40: c0.dma-out k0 SIGNAL core 0 semaphore 1 count 1
; kernel 1 conv2: conv2 (n8 c4 8×8, weights-outer, 1 input tiles, 1 weight tiles)
41: c0.dma-in  k1 WAIT core 0 semaphore 3 count 1
42: c0.dma-in  k1 WAIT core 0 semaphore 1 count 1
43: c0.dma-in  k1 LOAD weights dst=scratchpad+640 int8[800] src=dram:weights+640 int8[800]
44: c0.dma-in  k1 WAIT core 0 semaphore 1 count 1
45: c0.dma-in  k1 LOAD inputs dst=scratchpad+1472 int8[4, 12, 12] src=dram:arena+0 int8[4, 12, 12]
46: c0.dma-in  k1 SIGNAL core 0 semaphore 0 count 1
47: c0.matrix  k1 WAIT core 0 semaphore 0 count 1
48: c0.matrix  k1 CONV overwrite x=scratchpad+1472 int8[1, 4, 12, 12] w=scratchpad+640 int8[8, 4, 5, 5] acc=accumulator+14336 int32[1, 8, 8, 8] zero=-128,0
49: c0.matrix  k1 SIGNAL core 0 semaphore 3 count 1
50: c0.dma-in  k1 WAIT core 0 semaphore 3 count 1
51: c0.dma-in  k1 LOAD weights dst=scratchpad+640 int8[800] src=dram:weights+1472 int8[800]
52: c0.dma-in  k1 LOAD inputs dst=scratchpad+1472 int8[4, 12, 12] src=dram:arena+576 int8[4, 12, 12]
53: c0.dma-in  k1 LOAD weights dst=scratchpad+576 uint8[32] src=dram:weights+2304 uint8[32]
54: c0.dma-in  k1 SIGNAL core 0 semaphore 0 count 1
55: c0.matrix  k1 WAIT core 0 semaphore 0 count 1
56: c0.matrix  k1 CONV accumulate x=scratchpad+1472 int8[1, 4, 12, 12] w=scratchpad+640 int8[8, 4, 5, 5] acc=accumulator+14336 int32[1, 8, 8, 8] zero=-128,0 out=scratchpad+64 int8[1, 8, 8, 8] multiplier=scratchpad+576 float32[8] outZero=-4
57: c0.matrix  k1 SIGNAL core 0 semaphore 4 count 1
58: c0.dma-out k1 WAIT core 0 semaphore 4 count 1
59: c0.dma-out k1 STORE outputs dst=dram:output+0 int8[8, 8, 8] src=scratchpad+64 int8[8, 8, 8]

end

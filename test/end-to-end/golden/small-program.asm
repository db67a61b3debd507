systole 1
model small-program sha256 "0000000000000000000000000000000000000000000000000000000000000000" macs 36864 parameterBytes 2336 opset 17
target tiny-8x8 plan "7904441bca59ac6c"
option precision = "int8"
option calibrated = true

space 0 scratchpad
space 1 accumulator
space 2 dram

region 0 weights weights space 2 bytes 640 align 4096
region 1 input input space 2 bytes 512 align 4096
region 2 output output space 2 bytes 512 align 4096

kernel 0 conv0 contraction matrix int8 macs 36864 tiles 1 estimate 1013
  origin conv0 relu1 add2
  mapping "n8 c8 8×8, weights-outer, 2 input tiles, 2 weight tiles"
  work contraction groups 1 batches 1 m 64 n 8 channels 8 taps 9 laneTicks 2048
  cold read weights dram 640
  cold read inputs dram 512
  cold write outputs dram 512

entry main program 0
  input x region 1 offset 0 int8[1, 8, 8, 8] scale 0.02080145664513111 zero 12
  output add2_out region 2 offset 0 int8[1, 8, 8, 8] scale 0.02702166512608528 zero -20

node conv0 Conv kernel 0
node relu1 Relu kernel 0
node add2 Add kernel 0

weights region 0 bytes 640 absent "--no-weights"
  segment 0 bytes 576 hash "cd663b0b8d2142a1"
  segment 576 bytes 64 hash "4e4487f6eb7ca515"

program main
; kernel 0 conv0: conv0, relu1, add2 (n8 c8 8×8, weights-outer, 2 input tiles, 2 weight tiles)
 0: c0.dma-in  k0 LOAD weights dst=scratchpad+1024 int8[576] src=dram:weights+0 int8[576]
 1: c0.dma-in  k0 LOAD inputs dst=scratchpad+0 int8[8, 8, 8] src=dram:input+0 int8[8, 8, 8]
 2: c0.dma-in  k0 LOAD weights dst=scratchpad+2176 uint8[64] src=dram:weights+576 uint8[64]
 3: c0.dma-in  k0 SIGNAL core 0 semaphore 0 count 1
 4: c0.matrix  k0 WAIT core 0 semaphore 0 count 1
 5: c0.matrix  k0 CONV overwrite x=scratchpad+0 int8[1, 8, 8, 8] w=scratchpad+1024 int8[8, 8, 3, 3] acc=accumulator+0 int32[1, 8, 8, 8] pad=1,1 zero=12,0 out=scratchpad+2304 int8[1, 8, 8, 8] bias=scratchpad+2176 int32[8] multiplier=scratchpad+2208 float32[8] outZero=-128 clamp=-128,inf
 6: c0.matrix  k0 SIGNAL core 0 semaphore 2 count 1
 7: c0.dma-in  k0 LOAD inputs dst=scratchpad+3328 int8[1, 8, 8, 8] src=dram:input+0 int8[1, 8, 8, 8]
 8: c0.dma-in  k0 SIGNAL core 0 semaphore 1 count 1
 9: c0.vector  k0 WAIT core 0 semaphore 2 count 1
10: c0.vector  k0 WAIT core 0 semaphore 1 count 1
11: c0.vector  k0 VECTOR in=scratchpad+2304 int8[8, 8, 8] in=scratchpad+3328 int8[8, 8, 8] out=scratchpad+2304 int8[8, 8, 8] { loadInt 0 0 | immediate 1 #-128 | immediate 2 #0.010486609302461147 | dequantize 3 0 1 2 | loadInt 4 1 | immediate 5 #12 | immediate 6 #0.02080145664513111 | dequantize 7 4 5 6 | add 8 3 7 | immediate 9 #0.02702166512608528 | immediate 10 #-20 | quantize 11 8 9 10 | store 0 11 }
12: c0.vector  k0 SIGNAL core 0 semaphore 3 count 1
13: c0.dma-out k0 WAIT core 0 semaphore 3 count 1
14: c0.dma-out k0 STORE outputs dst=dram:output+0 int8[8, 8, 8] src=scratchpad+2304 int8[8, 8, 8]

end

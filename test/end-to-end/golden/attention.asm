systole 1
model test sha256 "0000000000000000000000000000000000000000000000000000000000000000" macs 90 parameterBytes 128 opset 21
target tiny-8x8 plan "7904441bca59ac6c"
option precision = "fp32"
option calibrated = false

space 0 scratchpad
space 1 accumulator
space 2 dram

region 0 weights weights space 2 bytes 60 align 4096
region 1 input input space 2 bytes 232 align 4096
region 2 output output space 2 bytes 24 align 4096

kernel 0 matmul7 attention matrix float32 macs 90 tiles 2 estimate 549
  origin matmul1 mul2 transpose0 add4 softmax5 matmul7
  mapping "rows 3 × 5 scores, keys 5 of size 4, 2 key tiles, 2 buffers"
  work attention batches 1 m 3 keys 5 size 4 valueSize 2 laneTicks 195
  cold read weights dram 60
  cold read inputs dram 48
  cold read inputs dram 80
  cold read inputs dram 40
  cold write outputs dram 24

entry main program 0
  input q region 1 offset 0 float32[1, 1, 3, 4]
  input k region 1 offset 64 float32[1, 1, 5, 4]
  input v region 1 offset 192 float32[1, 1, 5, 2]
  output matmul7_0 region 2 offset 0 float32[1, 1, 3, 2]

node transpose0 Transpose kernel 0
node matmul1 MatMul kernel 0
node mul2 Mul kernel 0
node reshape3 Reshape view -1
node add4 Add kernel 0
node softmax5 Softmax kernel 0
node reshape6 Reshape view -1
node matmul7 MatMul kernel 0

weights region 0 bytes 60 absent "--no-weights"
  segment 0 bytes 60 hash "e71703d6a51e6ba7"

program main
; kernel 0 matmul7: matmul1, mul2, transpose0, add4, softmax5, matmul7 (rows 3 × 5 scores, keys 5 of size 4, 2 key tiles, 2 buffers)
 0: c0.dma-in  k0 LOAD inputs dst=scratchpad+0 float32[3, 4] src=dram:input+0 float32[3, 4]
 1: c0.dma-in  k0 LOAD inputs dst=scratchpad+128 float32[5, 4] src=dram:input+64 float32[5, 4]
 2: c0.dma-in  k0 SIGNAL core 0 semaphore 0 count 1
 3: c0.matrix  k0 WAIT core 0 semaphore 0 count 1
 4: c0.matrix  k0 MATMUL overwrite x=scratchpad+0 float32[3, 4] w=scratchpad+128 float32[4, 5] stride[4, 16] acc=accumulator+0 float32[3, 5] out=scratchpad+640 float32[3, 5]
 5: c0.matrix  k0 SIGNAL core 0 semaphore 3 count 1
 6: c0.vector  k0 WAIT core 0 semaphore 3 count 1
 7: c0.vector  k0 VECTOR in=scratchpad+640 float32[3, 5] out=scratchpad+640 float32[3, 5] { load 0 0 | immediate 1 #0.5 | mul 2 0 1 | store 0 2 }
 8: c0.dma-in  k0 LOAD weights dst=scratchpad+512 float32[3, 5] src=dram:weights+0 float32[3, 5]
 9: c0.dma-in  k0 SIGNAL core 0 semaphore 1 count 1
10: c0.vector  k0 WAIT core 0 semaphore 1 count 1
11: c0.vector  k0 VECTOR in=scratchpad+640 float32[3, 5] in=scratchpad+512 float32[3, 5] out=scratchpad+640 float32[3, 5] { load 0 0 | load 1 1 | add 2 0 1 | store 0 2 }
12: c0.vector  k0 REDUCE max overwrite x=scratchpad+640 float32[3, 5] acc=scratchpad+768 float32[3, 5] stride[4, 0]
13: c0.vector  k0 VECTOR in=scratchpad+640 float32[3, 5] in=scratchpad+768 float32[3, 5] stride[4, 0] out=scratchpad+640 float32[3, 5] { load 0 0 | load 1 1 | sub 2 0 1 | exp 3 2 | store 0 3 }
14: c0.vector  k0 REDUCE sum overwrite x=scratchpad+640 float32[3, 5] acc=scratchpad+832 float32[3, 5] stride[4, 0]
15: c0.vector  k0 VECTOR in=scratchpad+640 float32[3, 5] in=scratchpad+832 float32[3, 5] stride[4, 0] out=scratchpad+640 float32[3, 5] { load 0 0 | load 1 1 | div 2 0 1 | store 0 2 }
16: c0.vector  k0 SIGNAL core 0 semaphore 4 count 1
17: c0.dma-in  k0 LOAD inputs dst=scratchpad+384 float32[5, 2] src=dram:input+192 float32[5, 2]
18: c0.dma-in  k0 SIGNAL core 0 semaphore 0 count 1
19: c0.matrix  k0 WAIT core 0 semaphore 4 count 1
20: c0.matrix  k0 WAIT core 0 semaphore 0 count 1
21: c0.matrix  k0 MATMUL overwrite x=scratchpad+640 float32[3, 5] w=scratchpad+384 float32[5, 2] acc=accumulator+64 float32[3, 2] out=scratchpad+896 float32[3, 2]
22: c0.matrix  k0 SIGNAL core 0 semaphore 2 count 1
23: c0.dma-out k0 WAIT core 0 semaphore 2 count 1
24: c0.dma-out k0 STORE outputs dst=dram:output+0 float32[3, 2] src=scratchpad+896 float32[3, 2]

end

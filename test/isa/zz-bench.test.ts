import { test } from 'vitest';
import { demandTable, encodeExecutable, decodeExecutable, verifyExecutable, disassemble, assemble, type ConvCommand, type Command, type Slot } from '../../src/isa/index.ts';
import { dense, executableOf, machineWith, slot, systolic, scratchpad, accumulator } from './fixtures.ts';
test('b', () => {
  const c = (i: number): ConvCommand => ({op:'CONV',mode:'overwrite',x:dense(scratchpad,'int8',[1,16,9,9+i%7],{offset:i*8}),w:dense(scratchpad,'int8',[32,16,3,3]),acc:dense(accumulator,'int32',[1,32,7,7+i%7]),drain:{out:dense(scratchpad,'int8',[1,32,7,7+i%7]),bias:dense(scratchpad,'int32',[32]),multiplier:dense(scratchpad,'float32',[32]),outZero:1,lo:-128,hi:127},xZero:1,wZero:0,groups:1,strides:[1,1],dilations:[1,1],padTop:0,padLeft:0});
  const rows: (readonly [Slot, Command])[] = [];
  for (let i = 0; i < 25000; i++) rows.push([slot('matrix'), c(i)], [slot('matrix'), {op:'SIGNAL',core:0,id:1,count:1}]);
  const e = executableOf(rows); const m = machineWith(systolic(16,16));
  for (let r = 0; r < 4; r++) {
    const t0 = performance.now(); const d = demandTable(e, m);
    const t1 = performance.now(); const b = encodeExecutable(e, {weights:'embed'});
    const t2 = performance.now(); const back = decodeExecutable(b);
    const t3 = performance.now(); const v = verifyExecutable(back, m);
    const t4 = performance.now(); const s = disassemble(e); const t5 = performance.now(); assemble(s); const t6 = performance.now();
    console.log(`demand ${t1-t0} encode ${t2-t1} decode ${t3-t2} verify ${t4-t3} (${v.length}) disasm ${t5-t4} asm ${t6-t5}; distinct ${d.distinct.length}; ${b.length} bytes`);
  }
});

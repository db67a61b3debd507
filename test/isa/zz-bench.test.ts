import { test } from 'vitest';
import { demandTable, verifyExecutable, readCommand, namedRefs, type ConvCommand, type Command, type Slot } from '../../src/isa/index.ts';
import { dense, executableOf, machineWith, slot, systolic, scratchpad, accumulator } from './fixtures.ts';
test('b', async () => {
  const c = (i: number): ConvCommand => ({op:'CONV',mode:'overwrite',x:dense(scratchpad,'int8',[1,16,9,9+i%7],{offset:i*8}),w:dense(scratchpad,'int8',[32,16,3,3]),acc:dense(accumulator,'int32',[1,32,7,7+i%7]),drain:{out:dense(scratchpad,'int8',[1,32,7,7+i%7]),bias:dense(scratchpad,'int32',[32]),multiplier:dense(scratchpad,'float32',[32]),outZero:1,lo:-128,hi:127},xZero:1,wZero:0,groups:1,strides:[1,1],dilations:[1,1],padTop:0,padLeft:0});
  const rows: (readonly [Slot, Command])[] = [];
  for (let i = 0; i < 25000; i++) rows.push([slot('matrix'), c(i)], [slot('matrix'), {op:'SIGNAL',core:0,id:1,count:1}]);
  const e = executableOf(rows); const m = machineWith(systolic(16,16));
  const cpu = (f: () => unknown): number => { const a = process.cpuUsage(); f(); const b = process.cpuUsage(a); return (b.user) / 1000; };
  { const ins = await import('node:inspector'); const se = new ins.Session(); se.connect(); await new Promise(r => se.post('Profiler.enable', r)); await new Promise(r => se.post('Profiler.start', r)); for (let i=0;i<6;i++) verifyExecutable(e,m); const prof: any = await new Promise(r => se.post('Profiler.stop', (_e, x) => r(x.profile))); const self = new Map<string, number>(); const dt = prof.timeDeltas; const byId = new Map(prof.nodes.map((n: any) => [n.id, n])); prof.samples.forEach((id: number, i: number) => { const n: any = byId.get(id); const k = n.callFrame.functionName + ' ' + n.callFrame.url.split('/').pop() + ':' + n.callFrame.lineNumber; self.set(k, (self.get(k) ?? 0) + dt[i]); }); console.log([...self].sort((a, b) => b[1] - a[1]).slice(0, 14).map(([k, v]) => 'demand ' + k + ' ' + (v/6000).toFixed(1)).join('\n')); }
  for (let r = 0; r < 1; r++) {
    const t = e.programs[0]!.commands;
    console.log(`demand ${cpu(() => demandTable(e, m))} verify ${cpu(() => verifyExecutable(e, m))} read ${cpu(() => { for (let i = 0; i < t.length; i++) readCommand(t, i); })} named ${cpu(() => { for (let i = 0; i < t.length; i++) namedRefs(readCommand(t, i)); })}`);
  }
});

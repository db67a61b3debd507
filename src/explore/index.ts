/**
 * explore: studies. In: a study (models × targets × parameters × objectives) and where models and machines come from.
 * Out: one point per combination, the Pareto front, and both as table and page.
 * Always: a point equals a single simulation with the same settings; a point that fails is recorded and stops nothing; same study, same bytes.
 * Must not know: how models are found, how programs come to be.
 */
export { objectiveOf, paretoFront, type Direction, type Objective } from './pareto.ts';
export { runStudy, type PointResult, type StudyResult, type StudySources } from './run-study.ts';
export { expandStudy, parseStudy, settingsOf, type ParameterValue, type Point, type Study } from './study.ts';
export { studyCsv, studyPage } from './table.ts';

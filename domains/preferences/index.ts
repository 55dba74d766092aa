// biome-ignore-all assist/source/organizeImports: grouped by what it is for

// Decisions: may something be sent.
export { decideInTransaction, type DecisionQuestion, explainDecision } from './decide-in-transaction';
export { type Decision, DECISION_LEVELS, type DecisionLevel, RULES, type Rule } from './rules/decide';
export { type Channel, CHANNELS } from './rules/channels';

// biome-ignore-all assist/source/organizeImports: grouped by what it is for

// What a process opens.
export { preferencesConfig } from './config';
export { preferences } from './domain';
export { PREFERENCE_EVENTS } from './event-payloads';
export { openFeedback } from './feedback/open-feedback';

// Decisions: may something be sent.
export { decideInTransaction, type DecisionQuestion, explainDecision } from './decide-in-transaction';
export { checkDecision, forgetDecisions } from './denied';
export type { DecisionPlace } from './store/decision';
export { type Decision, DECISION_LEVELS, type DecisionLevel, RULES, type Rule } from './rules/decide';
export { type Channel, CHANNELS, needsAddress } from './rules/channels';

// Subscribers and their addresses.
export { createSubscriber, type SubscriberWish } from './subscribers/create-subscriber';
export { changeSubscriber, openProfile, type SubscriberChange } from './subscribers/change-subscriber';
export { addDestination, MOST_DESTINATIONS, openAddress, removeDestination } from './subscribers/destinations';
export { requireSubscriber } from './subscribers/with-subscriber';
export { findSubscriber, listSubscribers, type Subscriber, type SubscriberFilter } from './store/subscribers';
export { allDestinations, type Destination, findDestination, listDestinations } from './store/destinations';
export { type GivenAddress, hashAddress } from './addresses';

// Everything held about them, and its end.
export { eraseSubscriber, requestErasure, requireErasure } from './erasing/erase-subscriber';
export { ERASED_KINDS, type ErasedCounts, type ErasedKind } from './rules/erasure';
export { countErased, type Erasure } from './store/erasures';
export { MOST_EXPORTS, requestExport, requireExport } from './exporting/request-export';
export { downloadExport, exportToken } from './exporting/download-export';
export { HELD_AT_ONCE, type HeldPart, heldPage, heldRequest } from './exporting/held-part';
export { OWN_PARTS } from './exporting/own-parts';
export { EXPORT_FORMATS } from './rules/export-text';
export { subscriberErasureWorkflowId, subscriberExportWorkflowId } from './rules/workflow-names';
export { EXPORT_STATES, listExports, type SubscriberExport } from './store/exports';

// What they want.
export { changePreferences, type ChangeRequest, type CommittedPreferences } from './changes/change-preferences';
export { CHANGE_KINDS, type ChangeKind, type PreferenceWish } from './rules/change';
export { type Choice, type ChoiceChange, LEVELS, POLICIES, type Policy } from './rules/choices';
export { CLOCK_TIME, type QuietHours } from './rules/quiet-hours';
export { readPreferences, type ShownPreferences, type StoredChoice } from './store/choices';

// The record of it.
export { type ConsentVerdict, verifyConsent } from './consent/verify-consent';
export { openEvidence } from './consent/evidence';
export { type ConsentEntry, listConsent } from './store/consent';

// What there is to want.
export { type CatalogueCommand, changeCategory, createCategory, removeCategory } from './catalogue/categories';
export { changeTopic, createTopic, removeTopic } from './catalogue/topics';
export { type Category, findCategory, findTopic, listCategories, listTopics, type Topic } from './store/catalogue';

// Addresses that nothing is sent to.
export { suppress, type SuppressionWish } from './suppressing/suppress';
export { changeExpiry, LIFT_SCOPE, liftSuppression, type SuppressionCommand } from './suppressing/change-suppression';
export { exportSuppressions } from './suppressing/export-suppressions';
export { openDetails, type SuppressionDetails } from './suppressing/details';
export { EVERYTHING, REASONS, SUPPRESSION_SOURCES, type SuppressionReason } from './rules/suppression';
export { findSuppression, listSuppressions, type Suppression, type SuppressionFilter } from './store/suppressions';

// Many of them at once.
export { type BulkRequest, type BulkWish, startBulkSuppression } from './bulk/start-bulk';
export { bulkCommands, bulkRejections } from './bulk/approve-bulk';
export { cancelBulk, cancelBulkByWorkflow } from './bulk/cancel-bulk';
export { readCsvRows } from './bulk/read-csv';
export { openRowAddress } from './bulk/row-address';
export { bulkRound, failBulk } from './bulk/bulk-round';
export { BULK_RESULTS, BULK_STATES, bulkProgressOf, type BulkReport, type BulkState } from './rules/bulk';
export { type GivenRow, MOST_LISTED } from './rules/bulk-rows';
export { bulkSuppressionWorkflowId } from './rules/workflow-names';
export { type BulkSuppression, findBulk, listBulks } from './store/bulk-suppressions';
export { listBulkRows, type StoredBulkRow } from './store/bulk-suppression-rows';

// For who sends.
export { type BouncedAddress, type OneClickRefusal, refuseByOneClick, suppressBounced } from './for-senders';
export { type Addressee, findAddressee } from './addressee';
export {
  type CategoryTraits,
  findCategoryName,
  isErased,
  type Occasion,
  readRecipient,
  type Recipient,
  type RecipientKey,
} from './store/recipients';

// What the activities of its workflows do.
export type { ChangeCommand, CommitResult } from './rules/change-command';
export { commitChange } from './changes/commit-change';
export { type Concerned, concernedBy, concludePreferenceChange } from './changes/conclude-change';
export { collectExport, type ExportReport } from './exporting/collect-export';
export { concludeErasure } from './erasing/conclude-erasure';
export { type PreferenceSweepReport, sweepPreferences } from './upkeep/sweep';

import acceptAudit from './accept-audit.ts';
import advanceRun from './advance-run.ts';
import appendLedger from './append-ledger.ts';
import applyPreset from './apply-preset.ts';
import approve from './approve.ts';
import cancelRun from './cancel-run.ts';
import checkSetup from './check-setup.ts';
import clearError from './clear-error.ts';
import diffPolicies from './diff-policies.ts';
import explainPolicy from './explain-policy.ts';
import extractResults from './extract-results.ts';
import grantEnvelope from './grant-envelope.ts';
import init from './init.ts';
import inspectRun from './inspect-run.ts';
import listApprovals from './list-approvals.ts';
import listPresets from './list-presets.ts';
import listRuns from './list-runs.ts';
import monitorRuns from './monitor-runs.ts';
import pause from './pause.ts';
import readLog from './read-log.ts';
import report from './report.ts';
import resume from './resume.ts';
import retryTasks from './retry-tasks.ts';
import sealPolicy from './seal-policy.ts';
import setupHost from './setup-host.ts';
import showAudit from './show-audit.ts';
import showBudgets from './show-budgets.ts';
import showPolicy from './show-policy.ts';
import showRecord from './show-record.ts';
import stageCode from './stage-code.ts';
import submitRun from './submit-run.ts';
import syncArtifacts from './sync-artifacts.ts';
import testPolicy from './test-policy.ts';
import type { Tool } from './tool.ts';
import verifyAudit from './verify-audit.ts';
import verifyLedger from './verify-ledger.ts';
import verifyStage from './verify-stage.ts';

/** Every operation there is, in the order in which they are told: agents’ first, along the loop, then people’s. */
export const tools: readonly Tool[] = [
  checkSetup,
  verifyStage,
  stageCode,
  submitRun,
  monitorRuns,
  syncArtifacts,
  extractResults,
  advanceRun,
  listRuns,
  readLog,
  cancelRun,
  retryTasks,
  explainPolicy,
  appendLedger,
  verifyLedger,
  showRecord,
  showBudgets,
  report,
  inspectRun,
  init,
  setupHost,
  clearError,
  pause,
  resume,
  listPresets,
  showPolicy,
  applyPreset,
  diffPolicies,
  testPolicy,
  sealPolicy,
  listApprovals,
  approve,
  grantEnvelope,
  showAudit,
  verifyAudit,
  acceptAudit,
];

package experiment

// Task queues. Every worker serves both; on the train queue it takes one activity at a time, since one already uses the
// whole device.
const (
	QueueGeneral = "twinview"
	QueueTrain   = "twinview-train"
)

// Workflow types, and the query that each answers with its Progress.
const (
	WorkflowExperiment  = "Experiment"
	WorkflowPretraining = "Pretraining"
	WorkflowEvaluation  = "Evaluation"
	QueryProgress       = "progress"
)

// Activity types.
const (
	ActivityPrepareData      = "PrepareData"
	ActivityPretrainEpoch    = "PretrainEpoch"
	ActivitySelectCheckpoint = "SelectCheckpoint"
	ActivityEvaluateLinear   = "EvaluateLinear"
	ActivityFinetuneEpoch    = "FinetuneEpoch"
	ActivitySelectFinetuned  = "SelectFinetuned"
	ActivityEvaluateTest     = "EvaluateTest"
	ActivityWriteReport      = "WriteReport"
	ActivityPruneCheckpoints = "PruneCheckpoints"
)

// Types of application errors that no retry mends.
const (
	ErrorBadSpec         = "BadSpec"
	ErrorBadData         = "BadData"
	ErrorDiverged        = "Diverged"
	ErrorCorruptArtifact = "CorruptArtifact"
	ErrorConflict        = "Conflict"
	ErrorAccess          = "Access"
)

// NonRetryableErrors lists the error types that end an experiment at once.
func NonRetryableErrors() []string {
	return []string{ErrorBadSpec, ErrorBadData, ErrorDiverged, ErrorCorruptArtifact, ErrorConflict, ErrorAccess}
}

// PrepareDataInput asks for the spec's data set in the object store.
type PrepareDataInput struct {
	Spec Spec `json:"spec"`
}

// PretrainEpochInput asks for one epoch of pretraining, counted from 1, from the checkpoint of the one before.
type PretrainEpochInput struct {
	Spec  Spec         `json:"spec"`
	Data  PreparedData `json:"data"`
	Epoch int          `json:"epoch"`
	// From is the checkpoint of the epoch before, nil for the first.
	From *Artifact `json:"from,omitempty"`
}

// SelectCheckpointInput asks for the best epoch of pretraining and its model.
type SelectCheckpointInput struct {
	Spec   Spec            `json:"spec"`
	Epochs []PretrainEpoch `json:"epochs"`
}

// EvaluateLinearInput asks for linear evaluation of the selected encoder.
type EvaluateLinearInput struct {
	Spec Spec         `json:"spec"`
	Data PreparedData `json:"data"`
	Best Selection    `json:"best"`
}

// FinetuneEpochInput asks for one epoch of fine-tuning; the first starts from the selected encoder.
type FinetuneEpochInput struct {
	Spec  Spec         `json:"spec"`
	Data  PreparedData `json:"data"`
	Best  Selection    `json:"best"`
	Epoch int          `json:"epoch"`
	// From is the checkpoint of the epoch before, nil for the first.
	From *Artifact `json:"from,omitempty"`
}

// SelectFinetunedInput asks for the best epoch of fine-tuning and its model.
type SelectFinetunedInput struct {
	Spec   Spec              `json:"spec"`
	Data   PreparedData      `json:"data"`
	Epochs []ClassifierEpoch `json:"epochs"`
}

// EvaluateTestInput asks for the one reading of the test split.
type EvaluateTestInput struct {
	Spec     Spec           `json:"spec"`
	Data     PreparedData   `json:"data"`
	Best     Selection      `json:"best"`
	Linear   Classification `json:"linear"`
	Finetune Classification `json:"finetune"`
}

// WriteReportInput asks for the files that people read; Result has everything but their artifacts.
type WriteReportInput struct {
	Spec   Spec   `json:"spec"`
	Result Result `json:"result"`
}

// PruneCheckpointsInput asks for the removal of checkpoints that nothing refers to any more.
type PruneCheckpointsInput struct {
	Experiment string     `json:"experiment"`
	Remove     []Artifact `json:"remove"`
}

package experiment

import "strings"

// Task queues.
const (
	// QueueGeneral takes workflows and the activities that only move bytes.
	QueueGeneral = "twinview"
	// QueueTrain takes the activities that compute; a worker runs one of them at a time.
	QueueTrain = "twinview-train"
)

// QueueTrainOf is the worker's own queue for activities that compute, beside QueueTrain.
func QueueTrainOf(worker string) string { return QueueTrain + "/" + worker }

// Workflow types and the IDs they run under.
const (
	// WorkflowExperiment runs under Spec.Name.
	WorkflowExperiment = "Experiment"
	// WorkflowPretraining is its child, under Spec.Name + "/pretraining".
	WorkflowPretraining = "Pretraining"
	// WorkflowEvaluation is its child, under Spec.Name + "/evaluation".
	WorkflowEvaluation = "Evaluation"
)

// NameOf is the name of the experiment that a workflow belongs to, by the workflow's ID.
func NameOf(workflowID string) string {
	name, _, _ := strings.Cut(workflowID, "/")
	return name
}

// QueryProgress is the query that WorkflowExperiment answers with a Progress.
const QueryProgress = "progress"

// Activity names. Beside each stand its queue, its argument and its result.
const (
	ActivityPrepareData           = "PrepareData"           // general: PrepareDataInput → PreparedData
	ActivityPretrainEpoch         = "PretrainEpoch"         // train: PretrainEpochInput → PretrainEpoch
	ActivityMonitorEpoch          = "MonitorEpoch"          // train: MonitorEpochInput → PretrainEpoch
	ActivitySelectCheckpoint      = "SelectCheckpoint"      // train: SelectCheckpointInput → Selection
	ActivityEvaluateLinear        = "EvaluateLinear"        // train: EvaluateLinearInput → Classification
	ActivityLinearAugmentedEpoch  = "LinearAugmentedEpoch"  // train: LinearAugmentedEpochInput → ClassifierEpoch
	ActivitySelectLinearAugmented = "SelectLinearAugmented" // train: SelectLinearAugmentedInput → Selection
	ActivityFinetuneEpoch         = "FinetuneEpoch"         // train: FinetuneEpochInput → ClassifierEpoch
	ActivitySelectFinetuned       = "SelectFinetuned"       // train: SelectFinetunedInput → Selection
	ActivityEvaluateTest          = "EvaluateTest"          // train: EvaluateTestInput → TestResult
	ActivityWriteReport           = "WriteReport"           // general: WriteReportInput → map[string]Artifact
	ActivityPruneCheckpoints      = "PruneCheckpoints"      // general: PruneCheckpointsInput → nothing
	ActivityRollBack              = "RollBack"              // general: RollBackInput → RolledBack
)

// Types of the application errors that no retry helps. Any other failure, a lost connection above all, is tried again.
const (
	// ErrorBadSpec is a spec that does not validate.
	ErrorBadSpec = "BadSpec"
	// ErrorBadData is an archive with the wrong digest or a malformed one.
	ErrorBadData = "BadData"
	// ErrorDiverged is a loss that is NaN or infinite. Its detail is a Diverged.
	ErrorDiverged = "Diverged"
	// ErrorCorruptArtifact is an object whose bytes differ from its digest, or that can't be read back. Its detail is the
	// Artifact where that can be made again.
	ErrorCorruptArtifact = "CorruptArtifact"
	// ErrorConflict is an object key that holds other bytes already.
	ErrorConflict = "Conflict"
)

// ErrorBusy is the type of what a worker hands back to its queue because it trains something else. It is no failure.
const ErrorBusy = "Busy"

// NonRetryableErrors lists the types that no retry helps, for a retry policy.
func NonRetryableErrors() []string {
	return []string{
		ErrorBadSpec, ErrorBadData, ErrorDiverged, ErrorCorruptArtifact, ErrorConflict,
	}
}

// PrepareDataInput asks for the data set in the object store, fetched, verified and counted.
type PrepareDataInput struct {
	Spec Spec `json:"spec"`
}

// PretrainEpochInput asks for one epoch of pretraining.
type PretrainEpochInput struct {
	Spec Spec         `json:"spec"`
	Data PreparedData `json:"data"`
	// Epoch counts from 1. 0 trains nothing: it makes a checkpoint of the initial weights and measures it.
	Epoch int `json:"epoch"`
	// From is the checkpoint of the epoch before; nil in the first epoch, which begins with initial weights.
	From *Artifact `json:"from,omitempty"`
	// Retry is that of the epoch, or of an earlier one, after a divergence; nil where there was none.
	Retry *Retry `json:"retry,omitempty"`
}

// MonitorEpochInput asks for the validation kNN accuracy of an epoch that was not planned as the last one.
type MonitorEpochInput struct {
	Spec  Spec          `json:"spec"`
	Data  PreparedData  `json:"data"`
	Epoch PretrainEpoch `json:"epoch"`
}

// SelectCheckpointInput asks for the best epoch of pretraining, with its encoder as a PyTorch state dict.
type SelectCheckpointInput struct {
	Spec Spec `json:"spec"`
	// Epochs are all that were trained, in order.
	Epochs []PretrainEpoch `json:"epochs"`
}

// EvaluateLinearInput asks for linear evaluation of the selected encoder.
type EvaluateLinearInput struct {
	Spec Spec         `json:"spec"`
	Data PreparedData `json:"data"`
	Best Selection    `json:"best"`
}

// LinearAugmentedEpochInput asks for one epoch of linear evaluation with augmentation.
type LinearAugmentedEpochInput struct {
	Spec Spec         `json:"spec"`
	Data PreparedData `json:"data"`
	// Best is the encoder.
	Best Selection `json:"best"`
	// Epoch counts from 1.
	Epoch int `json:"epoch"`
	// From is the checkpoint of the epoch before; nil in the first epoch.
	From *Artifact `json:"from,omitempty"`
}

// SelectLinearAugmentedInput asks for the best epoch of linear evaluation with augmentation, with encoder and classifier as
// a PyTorch state dict.
type SelectLinearAugmentedInput struct {
	Spec Spec `json:"spec"`
	// Best is the encoder.
	Best Selection `json:"best"`
	// Epochs are all that were trained, in order.
	Epochs []ClassifierEpoch `json:"epochs"`
}

// FinetuneEpochInput asks for one epoch of fine-tuning, or of an arm of the ablation.
type FinetuneEpochInput struct {
	Spec Spec         `json:"spec"`
	Data PreparedData `json:"data"`
	// Best is the pretrained encoder that the first epoch starts from, except in an arm from scratch.
	Best Selection `json:"best"`
	// Arm is the arm of the ablation that is trained, nil in fine-tuning itself.
	Arm *Arm `json:"arm,omitempty"`
	// Epoch counts from 1.
	Epoch int `json:"epoch"`
	// From is the checkpoint of the epoch before; nil in the first epoch.
	From *Artifact `json:"from,omitempty"`
}

// Stage is that of the training.
func (in FinetuneEpochInput) Stage() string {
	if in.Arm != nil {
		return in.Arm.Stage()
	}
	return StageFinetune
}

// SelectFinetunedInput asks for the best epoch of fine-tuning, with its network as a PyTorch state dict.
type SelectFinetunedInput struct {
	Spec Spec         `json:"spec"`
	Data PreparedData `json:"data"`
	// Epochs are all that were trained, in order.
	Epochs []ClassifierEpoch `json:"epochs"`
}

// EvaluateTestInput asks for the one reading of the test split, when every choice has been made.
type EvaluateTestInput struct {
	Spec     Spec           `json:"spec"`
	Data     PreparedData   `json:"data"`
	Best     Selection      `json:"best"`
	Linear   Classification `json:"linear"`
	Finetune Classification `json:"finetune"`
	Ablation []AblationArm  `json:"ablation,omitempty"`
	// LinearAugmented is nil where the experiment leaves it out.
	LinearAugmented *Classification `json:"linear_augmented,omitempty"`
}

// WriteReportInput asks for the files that are made for people: metrics, report and plots.
type WriteReportInput struct {
	Spec Spec `json:"spec"`
	// Result is complete but for its Artifacts.
	Result Result `json:"result"`
}

// PruneCheckpointsInput asks for the removal of checkpoints that nothing needs any more.
type PruneCheckpointsInput struct {
	// Experiment is the experiment's name. No object outside its folder is ever removed.
	Experiment string     `json:"experiment"`
	Remove     []Artifact `json:"remove"`
	// Unfinished is an epoch that was given up: its checkpoints between two steps are removed. Nil, there is none.
	Unfinished *UnfinishedEpoch `json:"unfinished,omitempty"`
}

// UnfinishedEpoch is an epoch that a worker has left between two steps.
type UnfinishedEpoch struct {
	// Stage is that of the training, such as "pretrain" or "ablation/scratch-0.01".
	Stage string `json:"stage"`
	Epoch int    `json:"epoch"`
}

// RollBackInput asks for the newest of some checkpoints that can be read back.
type RollBackInput struct {
	// Experiment is the experiment's name. No object outside its folder is ever moved.
	Experiment string `json:"experiment"`
	// Checkpoints are those of the epochs of one training, from the first to the one that was found lost.
	Checkpoints []Artifact `json:"checkpoints"`
}

// RolledBack is where training goes on.
type RolledBack struct {
	// Epochs is the number of checkpoints up to the newest that can be read back, 0 where there is none.
	Epochs int `json:"epochs"`
	// Aside are the keys under which what was damaged lies now.
	Aside []string `json:"aside,omitempty"`
}

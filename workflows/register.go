package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"twinview/experiment"
)

// Register adds the workflows to w under their names.
func Register(w worker.WorkflowRegistry) {
	w.RegisterWorkflowWithOptions(Experiment, workflow.RegisterOptions{Name: experiment.WorkflowExperiment})
	w.RegisterWorkflowWithOptions(Pretraining, workflow.RegisterOptions{Name: experiment.WorkflowPretraining})
	w.RegisterWorkflowWithOptions(Evaluation, workflow.RegisterOptions{Name: experiment.WorkflowEvaluation})
}

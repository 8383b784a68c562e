package main

import (
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
)

// overview is what Temporal itself knows about an experiment.
type overview struct {
	Name    string     `json:"name"`
	Status  string     `json:"status"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	WebUI   string     `json:"web_ui,omitempty"`
}

func (t *connection) overview(info *workflow.WorkflowExecutionInfo) overview {
	o := overview{
		Name:    info.GetExecution().GetWorkflowId(),
		Status:  status(info.GetStatus()),
		Started: info.GetStartTime().AsTime().Local(),
	}
	if info.GetCloseTime() != nil {
		ended := info.GetCloseTime().AsTime().Local()
		o.Ended = &ended
	}
	o.WebUI = t.webUI(o.Name)
	return o
}

// took is the time from the beginning to the end, or to now.
func (o overview) took(now time.Time) time.Duration {
	if o.Ended != nil {
		now = *o.Ended
	}
	return now.Sub(o.Started).Round(time.Second)
}

// status is a word for what Temporal says of a workflow.
func status(s enums.WorkflowExecutionStatus) string {
	switch s {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return "running"
	case enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return "finished"
	case enums.WORKFLOW_EXECUTION_STATUS_FAILED:
		return "failed"
	case enums.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "cancelled"
	case enums.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return "terminated"
	case enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed out"
	}
	return s.String()
}

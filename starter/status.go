package main

import (
	"cmp"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"

	"twinview/attribute"
	"twinview/experiment"
)

// Words for what an experiment does.
const (
	statusRunning = "running"
	statusPaused  = "paused"
)

// overview is what lists tell about an experiment; the fields are those of list's JSON.
type overview struct {
	Name    string     `json:"name"`
	Status  string     `json:"status"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	WebUI   string     `json:"web_ui,omitempty"`
	Stage   string     `json:"stage,omitempty"`
	Method  string     `json:"method,omitempty"`
	Encoder string     `json:"encoder,omitempty"`
	Dataset string     `json:"dataset,omitempty"`
	// Diverged, Loss and BestAccuracy are as in package attribute.
	Diverged     bool     `json:"diverged,omitempty"`
	Loss         *float64 `json:"loss,omitempty"`
	BestAccuracy *float64 `json:"best_accuracy,omitempty"`

	// indexed says that Temporal knows all this; run tells the experiment from others that had its name.
	indexed bool
	run     string
}

func (t *connection) overview(info *workflow.WorkflowExecutionInfo) overview {
	o := overview{
		Name:    info.GetExecution().GetWorkflowId(),
		Status:  status(info.GetStatus()),
		Started: info.GetStartTime().AsTime().Local(),
		run:     info.GetExecution().GetRunId(),
	}
	if info.GetCloseTime() != nil {
		ended := info.GetCloseTime().AsTime().Local()
		o.Ended = &ended
	}
	o.WebUI = t.webUI(o.Name)
	if v, ok := attribute.Decode(info.GetSearchAttributes().GetIndexedFields()); ok {
		o.indexed = true
		o.describe(v)
	}
	return o
}

// describe takes over what is known of the experiment.
func (o *overview) describe(v attribute.Values) {
	o.Stage, o.Method, o.Encoder, o.Dataset = v.Stage, v.Method, v.Encoder, v.Dataset
	o.Diverged, o.Loss, o.BestAccuracy = v.Diverged, v.Loss, v.BestAccuracy
	o.pause(v.Paused)
}

// measure takes over what the experiment itself says, which is newer than what Temporal knows.
func (o *overview) measure(p *experiment.Progress) {
	o.Stage, o.Diverged, o.Loss, o.BestAccuracy = p.Stage, o.Diverged || p.Retry != nil, p.Loss(), p.BestAccuracy()
	o.Method = cmp.Or(o.Method, p.Method)
	o.pause(p.Paused)
}

func (o *overview) pause(paused bool) {
	switch {
	case paused && o.Status == statusRunning:
		o.Status = statusPaused
	case !paused && o.Status == statusPaused:
		o.Status = statusRunning
	}
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
		return statusRunning
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

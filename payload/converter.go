package payload

import (
	"context"
	"errors"

	common "go.temporal.io/api/common/v1"
	failure "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// DataConverter is the SDK's own with encryption around it. In a workflow it panics where a payload can't be decrypted: an error
// would end the workflow for good, a panic makes Temporal try again until a worker has the key.
func (k Keys) DataConverter() converter.DataConverter {
	return dataConverter{DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k.Codec())}
}

type dataConverter struct {
	converter.DataConverter
	inWorkflow bool
}

// WithWorkflowContext is how the SDK asks for the converter of a workflow.
func (d dataConverter) WithWorkflowContext(workflow.Context) converter.DataConverter {
	return dataConverter{d.DataConverter, true}
}

// WithContext is how the SDK asks for the converter of an activity.
func (d dataConverter) WithContext(context.Context) converter.DataConverter { return d }

func (d dataConverter) FromPayload(p *common.Payload, value any) error {
	return d.judge(d.DataConverter.FromPayload(p, value))
}

func (d dataConverter) FromPayloads(p *common.Payloads, values ...any) error {
	return d.judge(d.DataConverter.FromPayloads(p, values...))
}

func (d dataConverter) judge(err error) error {
	if d.inWorkflow && IsLocked(err) {
		panic(err)
	}
	return err
}

// IsLocked says whether err comes from a payload that can't be decrypted here.
func IsLocked(err error) bool { return errors.Is(err, ErrNoKey) || errors.Is(err, ErrForged) }

// FailureConverter encrypts the messages and stack traces of failures, where there is a key. Their types stay readable:
// Temporal decides by them what is tried again.
func (k Keys) FailureConverter() converter.FailureConverter {
	data := k.DataConverter()
	return failures{
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter:          data,
			EncodeCommonAttributes: k.Encrypting(),
		}),
		data: data,
	}
}

// failures says what is missing where a message can't be decrypted. The SDK's own converter would pass "Encoded failure" on
// as if that were the message.
type failures struct {
	converter.FailureConverter
	data converter.DataConverter
}

func (f failures) FailureToError(err *failure.Failure) error {
	for cause := err; cause != nil; cause = cause.GetCause() {
		if missing := f.decode(cause); missing != nil {
			cause.Message = missing.Error()
		}
	}
	return f.FailureConverter.FailureToError(err)
}

func (f failures) decode(cause *failure.Failure) error {
	var attributes any
	err := f.data.FromPayload(cause.GetEncodedAttributes(), &attributes)
	if IsLocked(err) {
		return err
	}
	return nil
}

// Message is what a failure says, decrypted; what is missing where it can't be.
func (k Keys) Message(f *failure.Failure) string {
	if f == nil {
		return ""
	}
	decoder := failures{data: k.DataConverter()}
	if missing := decoder.decode(f); missing != nil {
		return missing.Error()
	}
	decoded := failure.Failure{Message: f.GetMessage(), EncodedAttributes: f.GetEncodedAttributes()}
	converter.DecodeCommonFailureAttributes(decoder.data, &decoded)
	return decoded.GetMessage()
}

package payload

import (
	"errors"

	failure "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// DataConverter is the SDK's own with encryption around it.
func (k Keys) DataConverter() converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k.Codec())
}

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
	if errors.Is(err, ErrNoKey) || errors.Is(err, ErrForged) {
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

package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"twinview/bench/gpu/result"
)

// Some sizes are enough under the sanitizer, which makes everything slower a hundredfold.
var sanitized = map[string]string{
	"memcheck": "^(TestAugment|TestBatchStats|TestBatchNorm|TestBatchNormGrad|TestReLUBatchNormGrad|TestReLU|TestAdd|TestConversions|" +
		"TestPadChannels|TestDirectConvolution|TestImplicitGEMM|TestImplicitGEMMOfImages|TestMatMul|TestMatMulTensor|TestCrossEntropy|" +
		"TestL2Normalize|TestStandardize|TestColumnSum|TestRedundancyReduction|TestNTXent|TestSGD|TestLARS|TestAdamW|TestAveragePool)$",
	// Races are in shared memory only.
	"racecheck": "^(TestAugment|TestBatchStats|TestBatchNormGrad|TestImplicitGEMMOfImages|TestMatMul|TestMatMulTensor|TestStandardize|" +
		"TestColumnSum|TestRedundancyReduction|TestNTXent|TestLARS|TestCrossEntropy)$",
}

// sanitizer is a step in which one of compute-sanitizer's tools watches the kernels' tests.
func sanitizer(tool string) func(context.Context, *folder, settings, *result.Step) error {
	return func(ctx context.Context, f *folder, s settings, into *result.Step) error {
		program, err := exec.LookPath("compute-sanitizer")
		if err != nil {
			if program, err = exec.LookPath("/usr/local/cuda/bin/compute-sanitizer"); err != nil {
				return skip("compute-sanitizer is neither on PATH nor in /usr/local/cuda/bin: it comes with the CUDA toolkit")
			}
		}
		command := append([]string{program, "--tool", tool, "--error-exitcode", "9", "--target-processes", "all"},
			f.command("kernels.test", "-test.v", "-test.timeout", "55m", "-test.run", sanitized[tool])...)
		_, all, err := f.execute(ctx, tool, command)
		if summary := summaries.Find(all); summary != nil {
			into.Figures = append(into.Figures, result.Figure{Name: tool, Note: strings.TrimSpace(string(summary))})
		}
		if err != nil {
			return failure(fmt.Errorf("%s found something, or a test failed: %w", tool, err), all)
		}
		return nil
	}
}

var summaries = regexp.MustCompile(`(?m)^=+ .*(ERROR|RACECHECK) SUMMARY.*$`)

// Package browsertest lets tests look at web pages in a real browser, headless Chromium.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	// EnvBinary names the browser; without it, PATH is searched.
	EnvBinary = "TWINVIEW_CHROMIUM"
	// EnvRequire set to 1 makes a missing browser a failure instead of a skipped test.
	EnvRequire = "TWINVIEW_REQUIRE_BROWSER"
	// EnvScreenshots names a folder that keeps what the tests have seen, for documentation.
	EnvScreenshots = "TWINVIEW_SCREENSHOTS"
)

const (
	// patience is how long a page may take to show what a test waits for, on a machine that does other things too.
	patience = 4 * time.Minute
	// readTimeout bounds one look at a page: while it draws, it does not answer.
	readTimeout = 30 * time.Second
)

// Browser is one window.
type Browser struct{ ctx context.Context }

// Open starts a browser of the test's own with a window of this size. Where there is none, the test is skipped.
func Open(t testing.TB, width, height int) *Browser {
	t.Helper()
	path, err := find()
	if err != nil && os.Getenv(EnvRequire) == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(width, height),
		// In containers there is neither a sandbox nor a GPU, and tests reach nothing but their own servers.
		chromedp.NoSandbox, chromedp.Flag("disable-gpu", true), chromedp.NoFirstRun, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	)
	allocator, end := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(end)
	ctx, closeWindow := chromedp.NewContext(allocator)
	t.Cleanup(closeWindow)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx}
}

// Visit opens a page.
func (b *Browser) Visit(t testing.TB, url string) {
	t.Helper()
	run(t, b, "open "+url, chromedp.Navigate(url))
}

// Await returns when the page shows all these texts, also in frames within it and over several lines. A test that waits in vain
// shows what the page had.
func (b *Browser) Await(t testing.TB, texts ...string) {
	t.Helper()
	var page string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		text := b.text()
		if text == "" {
			continue
		}
		if page = text; missing(page, texts) == nil {
			return
		}
	}
	t.Fatalf("the page does not show %q after %s; it shows:\n%s", missing(page, texts), patience, page)
}

// Click clicks on the first link or button whose text is this.
func (b *Browser) Click(t testing.TB, text string) {
	t.Helper()
	click := fmt.Sprintf(`(function() {
		const found = [...document.querySelectorAll("a, button")].find(e => e.innerText.includes(%q));
		if (found) found.click();
		return !!found;
	})()`, text)
	if !run(t, b, "click on "+text, chromedp.Evaluate[bool](click)) {
		t.Fatalf("there is no link or button %q on the page, which shows:\n%s", text, b.text())
	}
}

// Screenshot keeps what the window shows as name.png, where the environment says where.
func (b *Browser) Screenshot(t testing.TB, name string) {
	t.Helper()
	folder := os.Getenv(EnvScreenshots)
	if folder == "" {
		return
	}
	picture := run(t, b, "take a screenshot", chromedp.CaptureScreenshot())
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

func run[T any](t testing.TB, b *Browser, what string, action chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return result
}

// readText collects a page's text with that of its frames.
const readText = `(function read(w) {
	let text = w.document.body ? w.document.body.innerText : "";
	for (let i = 0; i < w.frames.length; i++) {
		try { text += "\n" + read(w.frames[i]); } catch (other) { /* from another server */ }
	}
	return text;
})(window)`

// text is empty while the page is on its way.
func (b *Browser) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, readTimeout)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](readText))
	if err != nil {
		return ""
	}
	return text
}

func missing(page string, texts []string) []string {
	page = strings.Join(strings.Fields(page), " ")
	var all []string
	for _, text := range texts {
		if !strings.Contains(page, text) {
			all = append(all, text)
		}
	}
	return all
}

func find() (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium to look at web pages with: install it (Debian and Ubuntu: apt-get install chromium), or "+
		"name it in %s", EnvBinary)
}

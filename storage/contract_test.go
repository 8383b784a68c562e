package storage_test

import (
	"testing"

	"twinview/storage"
	"twinview/storage/storagetest"
)

// TestContract is what the store promises, on every server that it is used with.
func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, p storagetest.Program) {
		server := p.Launch(t)
		for name, test := range map[string]func(*testing.T, storage.Config){
			"bucket":         testBucket,
			"put":            testPut,
			"get":            testGet,
			"download":       testDownload,
			"objects":        testObjects,
			"faults":         testFaults,
			"removed bucket": testRemovedBucket,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, server.Config)
			})
		}
		// These have a server of their own to break.
		for name, test := range map[string]func(*testing.T, *storagetest.Server){
			"server killed":        testServerKilled,
			"revoked credentials":  testRevokedCredentials,
			"replaced credentials": testReplacedCredentials,
			"damaged disk":         testDamagedDisk,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, p.Launch(t))
			})
		}
		t.Run("full disk", func(t *testing.T) {
			t.Parallel()
			testFullDisk(t, p)
		})
		t.Run("TLS", func(t *testing.T) {
			t.Parallel()
			testTLS(t, p)
		})
	})
}

// Command advisories writes a Trivy vulnerability database from a short list, for rehearsals on machines that reach no public
// database. It holds what the list holds: a scan with it shows that the pipeline works and is no security verdict.
//
//	go run . LIST.json OUT.tar.gz
//
// The same list gives the same bytes, so the file can be committed and compared with a regeneration.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	// Of the database's layout: https://github.com/aquasecurity/trivy-db, pkg/db.SchemaVersion.
	schemaVersion = 2
	// Of an advisory without a fix: https://github.com/aquasecurity/trivy-db, pkg/types, StatusAffected.
	statusAffected = 2
	// Else bbolt takes the machine's page size, and the same list gives another file on another processor.
	pageSize = 4096
)

// Ranks as Trivy stores them: https://github.com/aquasecurity/trivy-db, pkg/types.Severity.
var severities = map[string]int{"LOW": 1, "MEDIUM": 2, "HIGH": 3, "CRITICAL": 4}

// list is what advisories.json holds.
type list struct {
	Updated    time.Time  `json:"updated"`
	Advisories []advisory `json:"advisories"`
}

// advisory concerns a Python package ("pip": vulnerable ranges and the fixed version, or none) or a Debian source package
// ("debian 12": the fixed version, or none).
type advisory struct {
	ID         string   `json:"id"`
	Ecosystem  string   `json:"ecosystem"`
	Package    string   `json:"package"`
	Vulnerable []string `json:"vulnerable"`
	Fixed      string   `json:"fixed"`
	Severity   string   `json:"severity"`
	Title      string   `json:"title"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: advisories LIST.json OUT.tar.gz")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatalf("advisories: %v", err)
	}
}

func run(listPath, outPath string) error {
	l, err := read(listPath)
	if err != nil {
		return fmt.Errorf("%s: %w", listPath, err)
	}
	database, err := databaseOf(l)
	if err != nil {
		return err
	}
	metadata, err := metadataOf(l)
	if err != nil {
		return err
	}
	archive, err := pack([]file{{"metadata.json", metadata}, {"trivy.db", database}})
	if err != nil {
		return err
	}
	return os.WriteFile(outPath, archive, 0o644)
}

func read(path string) (list, error) {
	var l list
	raw, err := os.ReadFile(path)
	if err != nil {
		return l, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return l, err
	}
	if l.Updated.IsZero() || len(l.Advisories) == 0 {
		return l, errors.New("names no date (updated) or no advisory: a scan with it would check nothing")
	}
	return l, nil
}

func metadataOf(l list) ([]byte, error) {
	return json.Marshal(map[string]any{
		"Version":    schemaVersion,
		"UpdatedAt":  l.Updated,
		"NextUpdate": l.Updated.AddDate(100, 0, 0), // nothing newer will come, so it is never too old to the scan
	})
}

func databaseOf(l list) ([]byte, error) {
	dir, err := os.MkdirTemp("", "advisories")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "trivy.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: pageSize, NoSync: true})
	if err != nil {
		return nil, err
	}
	for _, a := range l.Advisories {
		if err := store(db, a); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", a.ID, err), db.Close())
		}
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// store adds an advisory, the source it comes from and the vulnerability's own record.
func store(db *bolt.DB, a advisory) error {
	severity, ok := severities[a.Severity]
	if !ok {
		return fmt.Errorf("severity %q is none of LOW, MEDIUM, HIGH, CRITICAL", a.Severity)
	}
	bucket, source, err := origin(a.Ecosystem)
	if err != nil {
		return err
	}
	if err := put(db, detail(a), a.ID, bucket, a.Package); err != nil {
		return err
	}
	if err := put(db, source, bucket, "data-source"); err != nil {
		return err
	}
	return put(db, map[string]any{
		"Title":          a.Title,
		"Severity":       a.Severity,
		"VendorSeverity": map[string]int{source["ID"]: severity, "nvd": severity},
	}, a.ID, "vulnerability")
}

func detail(a advisory) map[string]any {
	switch {
	case a.Ecosystem == "pip" && a.Fixed == "":
		return map[string]any{"VulnerableVersions": a.Vulnerable}
	case a.Ecosystem == "pip":
		return map[string]any{"VulnerableVersions": a.Vulnerable, "PatchedVersions": []string{a.Fixed}}
	case a.Fixed == "":
		return map[string]any{"Status": statusAffected}
	default:
		return map[string]any{"FixedVersion": a.Fixed}
	}
}

// origin names the bucket of an ecosystem, and the source that Trivy shows for it.
func origin(ecosystem string) (bucket string, source map[string]string, err error) {
	switch {
	case ecosystem == "pip":
		name := "GitHub Security Advisory Pip"
		return "pip::" + name, map[string]string{
			"ID":   "ghsa",
			"Name": name,
			"URL":  "https://github.com/advisories?query=type%3Areviewed+ecosystem%3Apip",
		}, nil
	case strings.HasPrefix(ecosystem, "debian "):
		return ecosystem, map[string]string{
			"ID":   "debian",
			"Name": "Debian Security Tracker",
			"URL":  "https://salsa.debian.org/security-tracker-team/security-tracker",
		}, nil
	}
	return "", nil, fmt.Errorf("ecosystem %q is neither \"pip\" nor \"debian RELEASE\"", ecosystem)
}

// put stores value under key in the nested buckets of path, in a transaction of its own: one that changes several buckets
// writes their pages in the random order of a Go map.
func put(db *bolt.DB, value any, key string, path ...string) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(path[0]))
		if err != nil {
			return err
		}
		for _, name := range path[1:] {
			if bucket, err = bucket.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return bucket.Put([]byte(key), raw)
	})
}

type file struct {
	name    string
	content []byte
}

// pack writes headers without a time, an owner or an extension: nothing in them depends on when and where.
func pack(files []file) ([]byte, error) {
	var out bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content)), Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

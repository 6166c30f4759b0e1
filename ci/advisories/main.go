// Command advisories writes a Trivy vulnerability database from a short list of advisories, for rehearsals on machines that cannot
// download the public database. A scan with it finds only these advisories: it tests the pipeline, not the security of an image.
//
//	go run . LIST.json OUT.tar.gz
//
// The output is reproducible, so the file is committed and `make check-advisories` compares it with a new one.
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
	// Version of the database's layout: https://github.com/aquasecurity/trivy-db, pkg/db.SchemaVersion.
	schemaVersion = 2
	// Status of an advisory without a fix: https://github.com/aquasecurity/trivy-db, pkg/types, StatusAffected.
	statusAffected = 2
	// Fixed, because bbolt's default is the machine's page size, which would make the file depend on the processor.
	pageSize = 4096
)

// Severities as Trivy stores them: https://github.com/aquasecurity/trivy-db, pkg/types.Severity.
var severities = map[string]int{"LOW": 1, "MEDIUM": 2, "HIGH": 3, "CRITICAL": 4}

// advisoryList is the content of advisories.json.
type advisoryList struct {
	Updated    time.Time  `json:"updated"`
	Advisories []advisory `json:"advisories"`
}

// advisory describes a vulnerability of a Python package (ecosystem "pip", with the vulnerable ranges) or of a Debian source
// package (such as "debian 12"). Fixed is empty if no version fixes it.
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
	list, err := readList(listPath)
	if err != nil {
		return fmt.Errorf("%s: %w", listPath, err)
	}
	database, err := buildDatabase(list)
	if err != nil {
		return err
	}
	metadata, err := buildMetadata(list)
	if err != nil {
		return err
	}
	archive, err := buildArchive([]file{{"metadata.json", metadata}, {"trivy.db", database}})
	if err != nil {
		return err
	}
	return os.WriteFile(outPath, archive, 0o644)
}

func readList(path string) (advisoryList, error) {
	var list advisoryList
	raw, err := os.ReadFile(path)
	if err != nil {
		return list, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		return list, err
	}
	if list.Updated.IsZero() || len(list.Advisories) == 0 {
		return list, errors.New(`"updated" or "advisories" is missing or empty: set a date and at least one advisory`)
	}
	return list, nil
}

func buildMetadata(list advisoryList) ([]byte, error) {
	return json.Marshal(map[string]any{
		"Version":    schemaVersion,
		"UpdatedAt":  list.Updated,
		"NextUpdate": list.Updated.AddDate(100, 0, 0), // no newer one follows, so Trivy must not reject this one as outdated
	})
}

func buildDatabase(list advisoryList) ([]byte, error) {
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
	for _, a := range list.Advisories {
		if err := store(db, a); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", a.ID, err), db.Close())
		}
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// store writes three records: the advisory, its data source and the vulnerability.
func store(db *bolt.DB, a advisory) error {
	severity, ok := severities[a.Severity]
	if !ok {
		return fmt.Errorf("invalid severity %q: expected LOW, MEDIUM, HIGH or CRITICAL", a.Severity)
	}
	bucket, source, err := dataSource(a.Ecosystem)
	if err != nil {
		return err
	}
	if err := put(db, advisoryRecord(a), a.ID, bucket, a.Package); err != nil {
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

// advisoryRecord returns the advisory in the fields that Trivy reads for its ecosystem.
func advisoryRecord(a advisory) map[string]any {
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

// dataSource returns the bucket of an ecosystem's advisories, and the source that Trivy reports for them.
func dataSource(ecosystem string) (bucket string, source map[string]string, err error) {
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
	return "", nil, fmt.Errorf("invalid ecosystem %q: expected \"pip\" or \"debian RELEASE\"", ecosystem)
}

// put stores value under key in the nested buckets of path. Each call is a transaction of its own: bbolt writes the pages of several
// buckets that one transaction changes in the random order of a Go map, and the file would not be reproducible.
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

// buildArchive returns a gzipped tar archive. Its headers have no time, owner or extension, so the bytes depend on the files only.
func buildArchive(files []file) ([]byte, error) {
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

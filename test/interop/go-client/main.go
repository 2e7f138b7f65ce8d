// Command go-client makes unary calls of ShouldRateLimit by grpc-go and checks every answer: that it
// is OK, and that the places left, told by each answer, are all different. It prints one line of JSON.
//
// Its messages are bytes made and read here by the field numbers of rls.proto, so that nothing of the
// server's own code judges the server.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	method    = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
	callLimit = 10 * time.Second
)

// rawCodec passes bytes on.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), b...)
	return nil
}

var _ encoding.Codec = rawCodec{}

func text(field protowire.Number, value string) []byte {
	b := protowire.AppendTag(nil, field, protowire.BytesType)
	return protowire.AppendString(b, value)
}

func embedded(field protowire.Number, parts ...[]byte) []byte {
	var all []byte
	for _, part := range parts {
		all = append(all, part...)
	}
	b := protowire.AppendTag(nil, field, protowire.BytesType)
	return protowire.AppendBytes(b, all)
}

// request is a RateLimitRequest of one descriptor with one entry.
func request(domain, key, value string) []byte {
	return append(text(1, domain), embedded(2, embedded(1, text(1, key), text(2, value)))...)
}

// fields calls visit for each field of a message.
func fields(b []byte, visit func(protowire.Number, uint64, []byte)) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		var value uint64
		var content []byte
		switch kind {
		case protowire.VarintType:
			value, _ = protowire.ConsumeVarint(b[n:])
		case protowire.BytesType:
			content, _ = protowire.ConsumeBytes(b[n:])
		}
		visit(number, value, content)
		b = b[n+size:]
	}
	return nil
}

// answer is what a RateLimitResponse says: the overall code, and the first status's places left.
type answer struct {
	code, left uint64
	statuses   int
}

func read(b []byte) (a answer, err error) {
	err = fields(b, func(number protowire.Number, value uint64, content []byte) {
		if number == 1 {
			a.code = value
		}
		if number != 2 {
			return
		}
		a.statuses++
		if broken := fields(content, func(number protowire.Number, value uint64, _ []byte) {
			if number == 3 {
				a.left = value
			}
		}); broken != nil {
			a.statuses = -1
		}
	})
	return a, err
}

type report struct {
	// Answers that were OK.
	OK int `json:"ok"`
	// Places left that differ among them.
	Distinct int `json:"distinct"`
	// Everything else, by what it was.
	Failed map[string]int `json:"failed"`
}

// tally counts answers of many goroutines.
type tally struct {
	mu     sync.Mutex
	seen   map[uint64]bool
	report report
}

func (t *tally) add(response []byte, err error) {
	a, broken := read(response)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.report.Failed[status.Code(err).String()+": "+status.Convert(err).Message()]++
	case broken != nil || a.statuses != 1:
		t.report.Failed["not a response of one status"]++
	case a.code != 1:
		t.report.Failed[fmt.Sprintf("overall code %d", a.code)]++
	default:
		t.report.OK++
		t.seen[a.left] = true
	}
}

func transport(caPath string) (credentials.TransportCredentials, error) {
	if caPath == "" {
		return insecure.NewCredentials(), nil
	}
	pem, err := os.ReadFile(caPath)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", caPath)
	}
	return credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "localhost"}), nil
}

func run() error {
	address := flag.String("address", "", "host:port")
	caPath := flag.String("ca", "", "PEM file of the authority; without it the connection is plain")
	calls := flag.Int64("calls", 1, "calls in all")
	connections := flag.Int("connections", 1, "connections")
	workers := flag.Int("workers", 50, "calls under way on each connection")
	useGzip := flag.Bool("gzip", false, "compress requests")
	domain := flag.String("domain", "", "of the request")
	key := flag.String("key", "", "of its entry")
	value := flag.String("value", "", "of its entry")
	flag.Parse()

	creds, err := transport(*caPath)
	if err != nil {
		return err
	}
	options := []grpc.CallOption{grpc.ForceCodec(rawCodec{})}
	if *useGzip {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	message := request(*domain, *key, *value)
	result := tally{seen: map[uint64]bool{}, report: report{Failed: map[string]int{}}}
	var next atomic.Int64
	var group sync.WaitGroup
	for range *connections {
		client, err := grpc.NewClient("passthrough:///"+*address, grpc.WithTransportCredentials(creds))
		if err != nil {
			return err
		}
		defer client.Close()
		for range *workers {
			group.Go(func() {
				for next.Add(1) <= *calls {
					ctx, cancel := context.WithTimeout(context.Background(), callLimit)
					var response []byte
					err := client.Invoke(ctx, method, &message, &response, options...)
					cancel()
					result.add(response, err)
				}
			})
		}
	}
	group.Wait()
	result.report.Distinct = len(result.seen)
	return json.NewEncoder(os.Stdout).Encode(result.report)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go-client:", err)
		os.Exit(1)
	}
}

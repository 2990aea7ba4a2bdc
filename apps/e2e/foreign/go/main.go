// A few tools on the Go SDK: `server sessions | stateless`, at $PORT.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type said struct {
	Text string `json:"text"`
}

type saidSlowly struct {
	Text    string  `json:"text"`
	Seconds float64 `json:"seconds"`
}

// note appends to the journal that the test reads.
func note(line string) {
	journal, err := os.OpenFile(os.Getenv("FOREIGN_JOURNAL"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	defer journal.Close()
	fmt.Fprintln(journal, line)
}

func answer(text string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}
}

func echo(_ context.Context, _ *mcp.CallToolRequest, in said) (*mcp.CallToolResult, any, error) {
	note("echo " + in.Text)
	return answer("echo: " + in.Text), nil, nil
}

func slow(ctx context.Context, _ *mcp.CallToolRequest, in saidSlowly) (*mcp.CallToolResult, any, error) {
	note("slow " + in.Text)
	select {
	case <-time.After(time.Duration(in.Seconds * float64(time.Second))):
	case <-ctx.Done():
	}
	return answer("slow: " + in.Text), nil, nil
}

func fail(_ context.Context, _ *mcp.CallToolRequest, in said) (*mcp.CallToolResult, any, error) {
	note("fail " + in.Text)
	return nil, nil, fmt.Errorf("failed: %s", in.Text)
}

func main() {
	server := mcp.NewServer(&mcp.Implementation{Name: "go", Version: "1.0.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "echo", Description: "Says it back."}, echo)
	mcp.AddTool(server, &mcp.Tool{Name: "slow", Description: "Says it back after a while."}, slow)
	mcp.AddTool(server, &mcp.Tool{Name: "fail", Description: "Fails and says why."}, fail)
	options := &mcp.StreamableHTTPOptions{Stateless: os.Args[1] == "stateless"}
	http.Handle("/mcp", mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, options))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// SPDX-License-Identifier: Apache-2.0

// Runs one verb of a network list on the plugins of CNI_PATH through the real libcni and prints
// how libcni and its types/100 read the answer. An error is printed as JSON with the code that
// types.Error got, and the exit status is 1.
//
// driver LIST-FILE add|check|del|validate CONTAINER-ID NETNS IFNAME CACHE-DIR [CAP-ARGS-JSON]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
)

func run(args []string) (interface{}, error) {
	list, err := libcni.ConfListFromFile(args[0])
	if err != nil {
		return nil, err
	}
	rt := &libcni.RuntimeConf{ContainerID: args[2], NetNS: args[3], IfName: args[4]}
	if len(args) > 6 {
		if err := json.Unmarshal([]byte(args[6]), &rt.CapabilityArgs); err != nil {
			return nil, err
		}
	}
	path := strings.Split(os.Getenv("CNI_PATH"), ":")
	cni := libcni.NewCNIConfigWithCacheDir(path, args[5], nil)
	switch args[1] {
	case "add":
		result, err := cni.AddNetworkList(context.TODO(), list, rt)
		if err != nil {
			return nil, err
		}
		return current.NewResultFromResult(result)
	case "check":
		return nil, cni.CheckNetworkList(context.TODO(), list, rt)
	case "del":
		return nil, cni.DelNetworkList(context.TODO(), list, rt)
	case "validate":
		return cni.ValidateNetworkList(context.TODO(), list)
	}
	return nil, fmt.Errorf("unknown verb '%s'", args[1])
}

func main() {
	if len(os.Args) < 7 {
		fmt.Fprintln(os.Stderr, "usage: driver LIST VERB ID NETNS IFNAME CACHE-DIR [CAPS]")
		os.Exit(2)
	}
	out, err := run(os.Args[1:])
	var cniErr *types.Error
	if errors.As(err, &cniErr) {
		out = cniErr
	} else if err != nil {
		out = map[string]string{"plain": err.Error()}
	}
	if out != nil {
		text, _ := json.Marshal(out)
		fmt.Println(string(text))
	}
	if err != nil {
		os.Exit(1)
	}
}

// SPDX-License-Identifier: Apache-2.0
/*
 * The yardstick of the benchmark, and nothing else: the bare kernel cost of an attachment. A
 * minimal static program that makes the kernel changes of ADD and DEL with as few calls as can
 * be, by raw netlink, from arguments it trusts. It reads no configuration, allocates no address,
 * prints no result, undoes nothing and is never installed. It assumes that the bridge with its
 * gateway address exists, and for masquerading the table "floor" with its set "pods".
 *
 *	floor noop
 *	floor add NETNS IFNAME HOSTIF BRIDGE ADDRESS LENGTH GATEWAY LEASE [masq]
 *	floor del HOSTIF ADDRESS LEASE [masq]
 *
 * The exit status is 0, or the number of the step that went wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One or several netlink messages, sent together; all messages here are far below the bound. */
struct batch {
	char buf[1024];
	size_t len;
	struct nlmsghdr *last;
};

enum step { STEP_OK, STEP_USAGE, STEP_NETNS, STEP_LEASE, STEP_LINK, STEP_MASQ, STEP_POD };

static void *put(struct batch *b, const void *data, size_t len)
{
	void *at = b->buf + b->len;

	if (data)
		memcpy(at, data, len);
	b->len += NLMSG_ALIGN(len);
	if (b->last)
		b->last->nlmsg_len = b->buf + b->len - (char *)b->last;
	return at;
}

static void begin(struct batch *b, int type, int flags, const void *head, size_t len)
{
	b->last = (struct nlmsghdr *)(b->buf + b->len);
	*b->last = (struct nlmsghdr){ .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags };
	b->len += NLMSG_HDRLEN;
	put(b, head, len);
}

static struct nlattr *attr(struct batch *b, int type, const void *data, size_t len)
{
	struct nlattr head = { .nla_len = NLA_HDRLEN + len, .nla_type = type };
	struct nlattr *at = put(b, &head, sizeof(head));

	if (len > 0)
		put(b, data, len);
	return at;
}

static void nest_end(struct batch *b, struct nlattr *nest)
{
	nest->nla_len = b->buf + b->len - (char *)nest;
	nest->nla_type |= NLA_F_NESTED;
}

/* Sends the batch, of which the last message asks for an acknowledgement; 0 or an errno. */
static int talk(int fd, const struct batch *b)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char reply[1024];
	const struct nlmsghdr *h = (const struct nlmsghdr *)reply;

	if (sendto(fd, b->buf, b->len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return errno;
	/* An error of any message comes first, a success only from the last one. */
	if (recv(fd, reply, sizeof(reply), 0) < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) ||
	    h->nlmsg_type != NLMSG_ERROR)
		return EPROTO;
	return -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static int ifindex(int fd, const char *name)
{
	struct ifreq req = { 0 };

	strncpy(req.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, SIOCGIFINDEX, &req) < 0 ? 0 : req.ifr_ifindex;
}

static int add_link(int fd, int netns, const char *ifname, const char *hostif, int bridge)
{
	struct batch b = { 0 };
	struct ifinfomsg up = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, peer = { 0 };
	const int queues = 1; /* the kernel's default costs more and comes to the same */
	struct nlattr *info, *data, *inner;

	begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &up, sizeof(up));
	attr(&b, IFLA_IFNAME, hostif, strlen(hostif) + 1);
	attr(&b, IFLA_MASTER, &bridge, sizeof(bridge));
	attr(&b, IFLA_NUM_TX_QUEUES, &queues, sizeof(queues));
	attr(&b, IFLA_NUM_RX_QUEUES, &queues, sizeof(queues));
	info = attr(&b, IFLA_LINKINFO, NULL, 0);
	attr(&b, IFLA_INFO_KIND, "veth", 5);
	data = attr(&b, IFLA_INFO_DATA, NULL, 0);
	inner = attr(&b, VETH_INFO_PEER, NULL, 0);
	put(&b, &peer, sizeof(peer));
	attr(&b, IFLA_IFNAME, ifname, strlen(ifname) + 1);
	attr(&b, IFLA_NET_NS_FD, &netns, sizeof(netns));
	attr(&b, IFLA_NUM_TX_QUEUES, &queues, sizeof(queues));
	attr(&b, IFLA_NUM_RX_QUEUES, &queues, sizeof(queues));
	nest_end(&b, inner);
	nest_end(&b, data);
	nest_end(&b, info);
	return talk(fd, &b);
}

static int del_link(int fd, const char *hostif)
{
	struct batch b = { 0 };
	struct ifinfomsg none = { 0 };

	begin(&b, RTM_DELLINK, NLM_F_ACK, &none, sizeof(none));
	attr(&b, IFLA_IFNAME, hostif, strlen(hostif) + 1);
	return talk(fd, &b);
}

/* Adds the address to the set of masqueraded ones, or takes it out. */
static int set_element(int type, in_addr_t address)
{
	struct nfgenmsg batch = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	struct nfgenmsg ip = { .nfgen_family = NFPROTO_IPV4 };
	struct nlattr *list, *elem, *key;
	struct batch b = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		return errno;
	begin(&b, NFNL_MSG_BATCH_BEGIN, 0, &batch, sizeof(batch));
	begin(&b, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_CREATE | NLM_F_ACK, &ip, sizeof(ip));
	attr(&b, NFTA_SET_ELEM_LIST_TABLE, "floor", 6);
	attr(&b, NFTA_SET_ELEM_LIST_SET, "pods", 5);
	list = attr(&b, NFTA_SET_ELEM_LIST_ELEMENTS, NULL, 0);
	elem = attr(&b, NFTA_LIST_ELEM, NULL, 0);
	key = attr(&b, NFTA_SET_ELEM_KEY, NULL, 0);
	attr(&b, NFTA_DATA_VALUE, &address, sizeof(address));
	nest_end(&b, key);
	nest_end(&b, elem);
	nest_end(&b, list);
	begin(&b, NFNL_MSG_BATCH_END, 0, &batch, sizeof(batch));
	return talk(fd, &b);
}

/* Up, address, default route: in one send. The socket is opened inside the pod. */
static int set_up_pod(const char *ifname, in_addr_t address, int length, in_addr_t gateway)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct ifinfomsg up = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ifaddrmsg addr = { .ifa_family = AF_INET, .ifa_prefixlen = length };
	struct rtmsg route = { .rtm_family = AF_INET,
			       .rtm_table = RT_TABLE_MAIN,
			       .rtm_protocol = RTPROT_BOOT,
			       .rtm_type = RTN_UNICAST };
	in_addr_t broadcast = address | htonl(0xffffffffu >> length);
	struct batch b = { 0 };

	if (fd < 0)
		return errno;
	up.ifi_index = ifindex(fd, ifname);
	addr.ifa_index = up.ifi_index;
	begin(&b, RTM_NEWLINK, 0, &up, sizeof(up));
	begin(&b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &addr, sizeof(addr));
	attr(&b, IFA_LOCAL, &address, sizeof(address));
	attr(&b, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	begin(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &route, sizeof(route));
	attr(&b, RTA_GATEWAY, &gateway, sizeof(gateway));
	return talk(fd, &b);
}

static int create_lease(const char *path)
{
	static const char text[] = "the-yardstick\r\neth0";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	return write(fd, text, sizeof(text) - 1) < 0 ? errno : 0;
}

static enum step add(char **arg, int masq)
{
	int netns = open(arg[0], O_RDONLY | O_CLOEXEC);
	int host = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	in_addr_t address = inet_addr(arg[4]);

	if (netns < 0 || host < 0)
		return STEP_NETNS;
	if (create_lease(arg[7]))
		return STEP_LEASE;
	if (add_link(host, netns, arg[1], arg[2], ifindex(host, arg[3])))
		return STEP_LINK;
	if (masq && set_element(NFT_MSG_NEWSETELEM, address))
		return STEP_MASQ;
	if (setns(netns, CLONE_NEWNET) < 0)
		return STEP_NETNS;
	if (set_up_pod(arg[1], address, atoi(arg[5]), inet_addr(arg[6])))
		return STEP_POD;
	return STEP_OK;
}

static enum step del(char **arg, int masq)
{
	int host = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (host < 0)
		return STEP_NETNS;
	if (masq && set_element(NFT_MSG_DELSETELEM, inet_addr(arg[1])))
		return STEP_MASQ;
	if (del_link(host, arg[0]))
		return STEP_LINK;
	return unlink(arg[2]) < 0 ? STEP_LEASE : STEP_OK;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "noop"))
		return STEP_OK;
	if ((argc == 10 || argc == 11) && !strcmp(argv[1], "add"))
		return add(argv + 2, argc == 11);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "del"))
		return del(argv + 2, argc == 6);
	return STEP_USAGE;
}

/*
 * blast: send UDP datagrams, or echo replies of ICMP, and say exactly how many packets were sent.
 *
 * The scenarios compare the router's counters with this program's "to the
 * packet", so it must never count a packet that the kernel did not put on the
 * wire, and must never fill a queue on the way that then overflows:
 *
 * - IP_RECVERR makes the kernel report local drops (ENOBUFS), which it hides
 *   from UDP senders otherwise.  Every error ends the run with status 1.
 * - A packet belongs to its socket's send buffer until the router's own IP
 *   input takes it, so a small send buffer bounds how many can wait in the
 *   receiving CPU's backlog, far below the 1,000 that fit there.
 *
 * One line of JSON on standard output tells what was sent, also after SIGTERM
 * and SIGINT, which end the run early.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC INT64_C(1000000000)
#define MAX_DESTINATIONS 256
#define MAX_PAYLOAD 1452 /* fits an MTU of 1500 in both versions of IP */
#define HEADER 8 /* of UDP, and of an echo reply */
#define MAX_NAP (NSEC / 100)

struct destination {
	struct sockaddr_storage addr;
	socklen_t len;
	const char * name;
	uint64_t packets;
};

struct options {
	struct destination to[MAX_DESTINATIONS];
	size_t count;
	const char * source;
	int transparent;
	int icmp;
	const char * sport;
	const char * dport;
	uint64_t packets; /* 0: no bound */
	int64_t duration; /* ns */
	uint64_t rate;    /* packets per second, 0: no bound */
	size_t payload;
	int sndbuf;
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{

	(void)sig;
	stop = 1;
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((int64_t)t.tv_sec * NSEC + t.tv_nsec);
}

static void
die(const char * what)
{

	fprintf(stderr, "blast: %s\n", what);
	exit(2);
}

static uint64_t
number(const char * s, uint64_t min, uint64_t max)
{
	char * end;
	unsigned long long v;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || end == s || *end != '\0' || *s == '-' || v < min ||
	    v > max) {
		fprintf(stderr,
		    "blast: '%s' is not a number from %" PRIu64 " to %" PRIu64
		    "\n",
		    s, min, max);
		exit(2);
	}
	return ((uint64_t)v);
}

/* Turn a numeric address and port into a socket address, or exit. */
static socklen_t
resolve(const char * host, const char * port, struct sockaddr_storage * out)
{
	struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_DGRAM,
	};
	struct addrinfo * ai;
	socklen_t len;
	int rc;

	if ((rc = getaddrinfo(host, port, &hints, &ai)) != 0) {
		fprintf(stderr, "blast: %s: %s\n", host, gai_strerror(rc));
		exit(2);
	}
	len = ai->ai_addrlen;
	memcpy(out, ai->ai_addr, len);
	freeaddrinfo(ai);
	return (len);
}

static void
parse(int argc, char * argv[], struct options * o)
{
	int ch;

	while ((ch = getopt(argc, argv, "b:d:il:n:P:p:r:s:t:T")) != -1) {
		switch (ch) {
		case 'b':
			o->sndbuf = (int)number(optarg, 4096, 1 << 20);
			break;
		case 'd':
			if (o->count == MAX_DESTINATIONS)
				die("too many destinations");
			o->to[o->count++].name = optarg;
			break;
		case 'i':
			o->icmp = 1;
			break;
		case 'l':
			o->payload = (size_t)number(optarg, 0, MAX_PAYLOAD);
			break;
		case 'n':
			o->packets = number(optarg, 1, UINT64_MAX);
			break;
		case 'P':
			o->dport = optarg;
			break;
		case 'p':
			o->sport = optarg;
			break;
		case 'r':
			o->rate = number(optarg, 1, 100000000);
			break;
		case 's':
			o->source = optarg;
			break;
		case 'T':
			o->transparent = 1;
			break;
		case 't':
			o->duration = (int64_t)number(optarg, 1, 86400) * NSEC;
			break;
		default:
			die("usage: blast -d ADDRESS [-d ADDRESS]... "
			    "[-s SOURCE [-T]] [-i | [-p SPORT] [-P DPORT]] [-n PACKETS] "
			    "[-t SECONDS] [-r PPS] [-l PAYLOAD] [-b SNDBUF]");
		}
	}
	if (o->count == 0 || optind != argc)
		die("at least one -d ADDRESS, and no other argument");
	/* A raw socket's address has no port; IPv6 insists. */
	if (o->icmp)
		o->dport = "0";
}

static int
open_socket(const struct options * o)
{
	sa_family_t family = o->to[0].addr.ss_family;
	struct sockaddr_storage local;
	socklen_t len;
	int one = 1;
	int fd;
	int rc;

	fd = !o->icmp ? socket(family, SOCK_DGRAM, 0) :
	    socket(family, SOCK_RAW, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (fd == -1)
		goto err;
	/* An address of somebody else: what comes back goes to him. */
	if (o->transparent && setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
	    family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT, &one, sizeof(one)))
		goto err;
	if (family == AF_INET)
		rc = setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	else
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one,
		    sizeof(one));
	if (rc)
		goto err;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &o->sndbuf,
	    sizeof(o->sndbuf)))
		goto err;
	if (o->source != NULL || o->sport != NULL) {
		len = resolve(o->source ? o->source
		                        : (family == AF_INET ? "0.0.0.0" : "::"),
		    o->sport ? o->sport : "0", &local);
		if (bind(fd, (struct sockaddr *)&local, len))
			goto err;
	}
	return (fd);

err:
	perror("blast: socket");
	exit(2);
}

/* Sleep until the time at which the next packet is due. */
static void
nap(int64_t due)
{
	int64_t left = due - now();
	struct timespec t = {0};

	if (left <= 0)
		return;
	if (left > MAX_NAP)
		left = MAX_NAP; /* so that a signal is never missed for long */
	t.tv_nsec = (long)left;
	nanosleep(&t, NULL);
}

/* Send until a bound is reached; return 0, or the errno that ended it. */
static int
blast(int fd, struct options * o, uint64_t * sent)
{
	static unsigned char payload[HEADER + MAX_PAYLOAD];
	size_t size = o->payload + (o->icmp ? HEADER : 0);
	int64_t start = now();
	struct destination * to;
	int64_t due;
	int64_t t;

	if (o->icmp && o->to[0].addr.ss_family == AF_INET)
		payload[2] = payload[3] = 0xff; /* type 0, and the checksum of nothing but zeroes */
	else if (o->icmp)
		payload[0] = 129; /* RFC 4443, section 4.2; the kernel does the checksum */
	for (*sent = 0; !stop && (o->packets == 0 || *sent < o->packets);) {
		t = now();
		if (t - start >= o->duration)
			break;
		if (o->rate != 0) {
			due = start + (int64_t)(*sent / o->rate) * NSEC +
			    (int64_t)(*sent % o->rate) * NSEC /
				(int64_t)o->rate;
			if (due > t) {
				nap(due);
				continue;
			}
		}
		to = &o->to[*sent % o->count];
		if (sendto(fd, payload, size, 0,
		    (struct sockaddr *)&to->addr, to->len) == -1) {
			if (errno == EINTR)
				continue;
			return (errno);
		}
		to->packets++;
		(*sent)++;
	}
	return (0);
}

static void
report(const struct options * o, uint64_t sent, double seconds, size_t octets)
{
	size_t i;

	printf("{\"packets\": %" PRIu64 ", \"octets\": %" PRIu64
	    ", \"seconds\": %.3f, \"to\": {", sent, sent * octets, seconds);
	for (i = 0; i < o->count; i++)
		printf("%s\"%s\": {\"packets\": %" PRIu64
		    ", \"octets\": %" PRIu64 "}", i ? ", " : "",
		    o->to[i].name, o->to[i].packets,
		    o->to[i].packets * octets);
	printf("}}\n");
}

int
main(int argc, char * argv[])
{
	static struct options o = {
	    .dport = "9", .duration = 30 * NSEC, .payload = 72,
	    .sndbuf = 32768,
	};
	struct sigaction sa = {.sa_handler = on_signal};
	uint64_t sent;
	int64_t start;
	size_t i;
	int error;
	int fd;

	parse(argc, argv, &o);
	for (i = 0; i < o.count; i++) {
		o.to[i].len = resolve(o.to[i].name, o.dport, &o.to[i].addr);
		if (o.to[i].addr.ss_family != o.to[0].addr.ss_family)
			die("all destinations must be of one version of IP");
	}
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	fd = open_socket(&o);

	start = now();
	error = blast(fd, &o, &sent);
	report(&o, sent, (double)(now() - start) / (double)NSEC,
	    o.payload + HEADER + (o.to[0].addr.ss_family == AF_INET ? 20 : 40));
	if (error)
		fprintf(stderr, "blast: after %" PRIu64 " packets: %s\n", sent,
		    strerror(error));
	close(fd);
	return (error ? 1 : 0);
}

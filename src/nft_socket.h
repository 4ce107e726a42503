/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to nf_tables over netlink, and their answers; all of it bounded in time. Not for changes
 * of rules: those are in nft_batch.
 */
#ifndef TOWNMETER_NFT_SOCKET_H
#define TOWNMETER_NFT_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#define NFT_TABLE_NAME "filter" /* what iptables-nft and ip6tables-nft call it, one for each family */
enum { NFT_REQUEST_SIZE = 512 };

struct nft_socket {
	struct mnl_socket *mnl;
	uint32_t sequence;
	char *buffer; /* of the answers, NFT_SOCKET_BUFFER octets */
};

/* Room for as much as the kernel ever puts into one piece of a dump. */
enum { NFT_SOCKET_BUFFER = 65536 };

/* One message of an answer. Returns 0, or -1 with errno, which is then what the question returns. */
typedef int nft_visit(void *context, const struct nlmsghdr *message);

/* Returns 0, or -1 with errno. The socket belongs to the network namespace of the caller. */
int nft_socket_open(struct nft_socket *socket);
void nft_socket_close(struct nft_socket *socket);

/* Opens it again if an error closed it. Returns 0, or -1 with errno. */
int nft_socket_ready(struct nft_socket *socket);

/* The heads of a message of nf_tables, written at `room`; attributes may follow. `family` is 4, 6 or
 * 0 for all. The socket's sequence number goes up by one. */
struct nlmsghdr *nft_socket_head(struct nft_socket *socket, void *room, int type, int flags, uint8_t family);

/* Puts all the questions at `requests` (`size` octets, `n` messages, with the socket's last n sequence
 * numbers) and visits every answer. `failed` gets the errno of each question that the kernel refused, by
 * its number from 0; it may be NULL: then the first refusal is the result. Returns 0, or -1 with errno. */
typedef void nft_refused(void *context, uint32_t question, int error);
int nft_socket_ask(struct nft_socket *socket, const void *requests, size_t size, uint32_t n, nft_visit *visit,
		   nft_refused *refused, void *context);

/* Visits every message of a dump. *interrupted: rules changed in the meantime, so that some may have
 * been left out or told twice. Returns 0, or -1 with errno. */
int nft_socket_dump(struct nft_socket *socket, const struct nlmsghdr *request, nft_visit *visit, void *context,
		    bool *interrupted);

/* The id of the present generation of rules, which every change of any table raises. Never 0.
 * Returns 0, or -1 with errno. */
int nft_socket_generation(struct nft_socket *socket, uint32_t *generation);

/* Which question an answer belongs to: its number from 0 among the last n. */
uint32_t nft_socket_question(const struct nft_socket *socket, const struct nlmsghdr *message, uint32_t n);

#endif

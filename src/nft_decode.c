/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_decode.h"

#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include <libnftnl/udata.h>

#include "nft_attr.h"

/* The most attributes of one expression that are looked at; those of others are passed over. */
enum { ATTRIBUTES = 8 };

/* Sixteen registers of four octets; the four of sixteen octets lie over them. */
enum { REGISTERS = 16 };

struct loaded {
	enum { EMPTY, FIELD, META, UNKNOWN } kind;
	uint32_t key, offset, length;
	uint8_t mask[NFT_VALUE_MAX];
	bool masked;
};

struct decoder {
	struct loaded registers[REGISTERS];
	nft_step_visit *visit;
	void *context;
};

/* By type; later ones of a type win. */
static void sort_attributes(const struct nlattr *nest, const struct nlattr *table[ATTRIBUTES])
{
	const struct nlattr *attribute;

	memset(table, 0, ATTRIBUTES * sizeof *table);
	if (!nest)
		return;
	struct nft_attrs attrs = nft_attr_of_nest(nest);
	while ((attribute = nft_attr_next(&attrs)))
		if (nft_attr_type(attribute) < ATTRIBUTES)
			table[nft_attr_type(attribute)] = attribute;
}

/* The octets of nested data; their number, 0 if there are none. */
static uint32_t octets_of(const struct nlattr *nest, const uint8_t **octets)
{
	const struct nlattr *value = nest ? nft_attr_find_in(nft_attr_of_nest(nest), NFTA_DATA_VALUE) : NULL;

	*octets = value ? nft_attr_data(value) : NULL;
	return value ? nft_attr_size(value) : 0;
}

/* The register's place, or NULL: the verdict's register, or none. */
static struct loaded *at(struct decoder *d, uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return &d->registers[(size_t)(number - NFT_REG_1) * 4];
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return &d->registers[number - NFT_REG32_00];
	return NULL;
}

/* What is written over other registers makes them unknown. */
static void store(struct decoder *d, uint32_t number, const struct loaded *what)
{
	struct loaded *slot = at(d, number);

	if (!slot)
		return;
	uint32_t first = (uint32_t)(slot - d->registers), count = (what->length + 3) / 4;
	for (uint32_t i = first; i < REGISTERS && i < first + count; i++)
		d->registers[i].kind = UNKNOWN;
	*slot = *what;
}

static int tell(struct decoder *d, const struct nft_step *step)
{
	return d->visit(d->context, step);
}

static int tell_other(struct decoder *d, const char *name, bool stores)
{
	struct nft_step step = {.kind = NFT_STEP_OTHER, .name = name, .stores = stores};

	return tell(d, &step);
}

static int on_payload(struct decoder *d, const struct nlattr *const *own)
{
	if (!own[NFTA_PAYLOAD_DREG])
		return tell_other(d, "payload", true);
	struct loaded what = {.kind = FIELD,
			      .key = nft_attr_number(own[NFTA_PAYLOAD_BASE]),
			      .offset = nft_attr_number(own[NFTA_PAYLOAD_OFFSET]),
			      .length = nft_attr_number(own[NFTA_PAYLOAD_LEN])};
	if (what.length > NFT_VALUE_MAX)
		what = (struct loaded){.kind = UNKNOWN, .length = REGISTERS * 4};
	store(d, nft_attr_number(own[NFTA_PAYLOAD_DREG]), &what);
	return 0;
}

static int on_meta(struct decoder *d, const struct nlattr *const *own)
{
	if (!own[NFTA_META_DREG])
		return tell_other(d, "meta", true);
	struct loaded what = {.kind = META, .key = nft_attr_number(own[NFTA_META_KEY]), .length = NFT_VALUE_MAX};
	store(d, nft_attr_number(own[NFTA_META_DREG]), &what);
	return 0;
}

/* (register & mask) ^ 0; a second mask over a first one, an xor and a shift are left unknown. */
static int on_bitwise(struct decoder *d, const struct nlattr *const *own)
{
	static const uint8_t zero[NFT_VALUE_MAX];
	struct loaded *from = at(d, nft_attr_number(own[NFTA_BITWISE_SREG]));
	struct loaded what = from ? *from : (struct loaded){.kind = UNKNOWN};
	const uint8_t *mask, *flip;
	uint32_t n_mask = octets_of(own[NFTA_BITWISE_MASK], &mask), n_flip = octets_of(own[NFTA_BITWISE_XOR], &flip);

	if (nft_attr_number(own[NFTA_BITWISE_OP]) != 0 || what.masked || n_mask == 0 || n_mask > NFT_VALUE_MAX ||
	    n_flip > NFT_VALUE_MAX || (n_flip && memcmp(flip, zero, n_flip) != 0)) {
		what = (struct loaded){.kind = UNKNOWN, .length = NFT_VALUE_MAX};
	} else {
		what.masked = true;
		memset(what.mask, 0xff, sizeof what.mask);
		memcpy(what.mask, mask, n_mask);
	}
	store(d, nft_attr_number(own[NFTA_BITWISE_DREG]), &what);
	return 0;
}

/* The head of a comparison of a register. */
static struct nft_step step_of(enum nft_step_kind kind, const struct loaded *what, uint32_t length, uint32_t operation)
{
	struct nft_step step = {.kind = kind,
				.key = what->key,
				.offset = what->offset,
				.length = length,
				.operation = operation,
				.masked = what->masked};

	if (what->masked)
		memcpy(step.mask, what->mask, sizeof step.mask);
	else
		memset(step.mask, 0xff, sizeof step.mask);
	return step;
}

static int on_cmp(struct decoder *d, const struct nlattr *const *own)
{
	const struct loaded *what = at(d, nft_attr_number(own[NFTA_CMP_SREG]));
	const uint8_t *value;
	uint32_t n = octets_of(own[NFTA_CMP_DATA], &value);

	if (!what || (what->kind != FIELD && what->kind != META) || n == 0 || n > NFT_VALUE_MAX ||
	    (what->kind == FIELD && n != what->length))
		return tell_other(d, "cmp", false);
	struct nft_step step = step_of(what->kind == FIELD ? NFT_STEP_FIELD : NFT_STEP_META, what, n,
				       nft_attr_number(own[NFTA_CMP_OP]));
	memcpy(step.value, value, n);
	return tell(d, &step);
}

/* Of what the packet has; a range of anything else is not looked into. */
static int on_range(struct decoder *d, const struct nlattr *const *own)
{
	const struct loaded *what = at(d, nft_attr_number(own[NFTA_RANGE_SREG]));
	const uint8_t *from, *to;
	uint32_t n = octets_of(own[NFTA_RANGE_FROM_DATA], &from), n_to = octets_of(own[NFTA_RANGE_TO_DATA], &to);

	if (!what || what->kind != FIELD || n == 0 || n > NFT_VALUE_MAX || n != what->length || n_to != n)
		return tell_other(d, "range", false);
	struct nft_step step = step_of(NFT_STEP_RANGE, what, n,
				       nft_attr_number(own[NFTA_RANGE_OP]) == NFT_RANGE_EQ ? NFT_CMP_EQ : NFT_CMP_NEQ);
	memcpy(step.value, from, n);
	memcpy(step.last, to, n);
	return tell(d, &step);
}

static int on_immediate(struct decoder *d, const struct nlattr *const *own)
{
	const struct nlattr *data[ATTRIBUTES], *verdict[ATTRIBUTES];

	sort_attributes(own[NFTA_IMMEDIATE_DATA], data);
	if (!data[NFTA_DATA_VERDICT]) {
		/* A number that a later expression stores somewhere. */
		struct loaded what = {.kind = UNKNOWN, .length = NFT_VALUE_MAX};
		store(d, nft_attr_number(own[NFTA_IMMEDIATE_DREG]), &what);
		return 0;
	}
	sort_attributes(data[NFTA_DATA_VERDICT], verdict);
	struct nft_step step = {.kind = NFT_STEP_VERDICT,
				.verdict = (int)nft_attr_number(verdict[NFTA_VERDICT_CODE]),
				.chain = nft_attr_text(verdict[NFTA_VERDICT_CHAIN])};
	return tell(d, &step);
}

static struct counter counter_of(const struct nlattr *const *own)
{
	return (struct counter){.packets = nft_attr_long(own[NFTA_COUNTER_PACKETS]),
				.octets = nft_attr_long(own[NFTA_COUNTER_BYTES])};
}

static int on_extension(struct decoder *d, enum nft_step_kind kind, const struct nlattr *const *own)
{
	/* Matches and targets number their attributes alike. */
	const struct nlattr *name = own[NFTA_MATCH_NAME], *info = own[NFTA_MATCH_INFO];
	struct nft_step step = {.kind = kind, .name = nft_attr_text(name), .revision = nft_attr_number(own[NFTA_MATCH_REV])};

	if (!step.name)
		return tell_other(d, kind == NFT_STEP_MATCH ? "match" : "target", false);
	step.info = info ? nft_attr_data(info) : NULL;
	step.info_size = info ? nft_attr_size(info) : 0;
	return tell(d, &step);
}

static int on_expression(struct decoder *d, const char *name, const struct nlattr *data)
{
	const struct nlattr *own[ATTRIBUTES];

	sort_attributes(data, own);
	/* The most frequent ones first. */
	if (strcmp(name, "payload") == 0)
		return on_payload(d, own);
	if (strcmp(name, "cmp") == 0)
		return on_cmp(d, own);
	if (strcmp(name, "counter") == 0) {
		struct nft_step step = {.kind = NFT_STEP_COUNTER, .counter = counter_of(own)};
		return tell(d, &step);
	}
	if (strcmp(name, "meta") == 0)
		return on_meta(d, own);
	if (strcmp(name, "bitwise") == 0)
		return on_bitwise(d, own);
	if (strcmp(name, "immediate") == 0)
		return on_immediate(d, own);
	if (strcmp(name, "range") == 0)
		return on_range(d, own);
	if (strcmp(name, "match") == 0)
		return on_extension(d, NFT_STEP_MATCH, own);
	if (strcmp(name, "target") == 0)
		return on_extension(d, NFT_STEP_TARGET, own);
	struct nft_step other = {.kind = NFT_STEP_OTHER, .name = name, .data = data};
	return tell(d, &other);
}

/* The name and the data of one element of the list of expressions; NULL if it has no name. */
static const char *element(const struct nlattr *nest, const struct nlattr **data)
{
	struct nft_attrs attrs = nft_attr_of_nest(nest);

	*data = nft_attr_find_in(attrs, NFTA_EXPR_DATA);
	return nft_attr_text(nft_attr_find_in(attrs, NFTA_EXPR_NAME));
}

int nft_decode(const struct nlmsghdr *message, nft_step_visit *visit, void *context)
{
	const struct nlattr *list = nft_attr_find(message, NFTA_RULE_EXPRESSIONS), *one, *data;
	struct decoder decoder = {.visit = visit, .context = context};

	if (!nft_attr_find(message, NFTA_RULE_HANDLE)) {
		errno = EBADMSG;
		return -1;
	}
	if (!list)
		return 0;
	struct nft_attrs attrs = nft_attr_of_nest(list);
	while ((one = nft_attr_next(&attrs))) {
		const char *name = element(one, &data);
		if ((name ? on_expression(&decoder, name, data) : tell_other(&decoder, "", false)) < 0)
			return -1;
	}
	return 0;
}

/* Mixes octets into a fingerprint, eight at a time. Rules are made by root: nobody looks for two that
 * have the same one. */
static uint64_t mix(uint64_t print, const void *octets, size_t n)
{
	const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	const unsigned char *at = octets;
	uint64_t word;

	for (; n >= sizeof word; n -= sizeof word, at += sizeof word) {
		memcpy(&word, at, sizeof word);
		print = (print ^ word) * factor;
		print ^= print >> 32;
	}
	word = n;
	memcpy((unsigned char *)&word + 1, at, n);
	print = (print ^ word) * factor;
	return print ^ print >> 32;
}

static bool is_named(const struct nlattr *name, const char *text, size_t size)
{
	return nft_attr_size(name) == size && memcmp(nft_attr_data(name), text, size) == 0;
}

/* One expression. Of those that change with every packet only the name is part of the fingerprint. */
static void add_element(struct nft_brief *brief, const struct nlattr *one, bool with_fingerprint)
{
	struct nft_attrs attrs = nft_attr_of_nest(one);
	const struct nlattr *name = nft_attr_next(&attrs), *data = nft_attr_next(&attrs), *own[ATTRIBUTES];

	/* The kernel writes the name first. */
	if (!name || nft_attr_type(name) != NFTA_EXPR_NAME ||
	    (data && nft_attr_type(data) != NFTA_EXPR_DATA)) {
		brief->fingerprint = mix(brief->fingerprint, nft_attr_data(one), nft_attr_size(one));
		return;
	}
	bool is_counter = is_named(name, "counter", sizeof "counter");
	if (is_counter && data && !brief->counted) {
		sort_attributes(data, own);
		brief->counter = counter_of(own);
		brief->counted = true;
	}
	if (!with_fingerprint)
		return;
	brief->fingerprint = mix(brief->fingerprint, nft_attr_data(name), nft_attr_size(name));
	if (data && !is_counter && !is_named(name, "quota", sizeof "quota") && !is_named(name, "last", sizeof "last"))
		brief->fingerprint = mix(brief->fingerprint, nft_attr_data(data),
					 nft_attr_size(data));
}

/* Refreshes live on this one: only what is needed is looked at. */
int nft_decode_brief(const struct nlmsghdr *message, bool with_fingerprint, struct nft_brief *brief)
{
	struct nft_attrs attrs = nft_attr_of_message(message);
	const struct nlattr *attribute, *list = NULL;
	bool found = false;

	*brief = (struct nft_brief){0};
	while ((attribute = nft_attr_next(&attrs))) {
		switch (nft_attr_type(attribute)) {
		case NFTA_RULE_HANDLE:
			brief->handle = nft_attr_long(attribute);
			found = true;
			break;
		case NFTA_RULE_EXPRESSIONS:
			list = attribute;
			break;
		case NFTA_RULE_USERDATA:
			if (with_fingerprint)
				brief->fingerprint = mix(brief->fingerprint, nft_attr_data(attribute),
							 nft_attr_size(attribute));
			break;
		default:
			break;
		}
	}
	if (!found) {
		errno = EBADMSG;
		return -1;
	}
	if (!list)
		return 0;
	attrs = nft_attr_of_nest(list);
	while ((attribute = nft_attr_next(&attrs))) {
		add_element(brief, attribute, with_fingerprint);
		if (brief->counted && !with_fingerprint)
			break;
	}
	return 0;
}

static int take_comment(const struct nftnl_udata *data, void *context)
{
	const char **comment = context;

	if (nftnl_udata_type(data) == NFTNL_UDATA_RULE_COMMENT && nftnl_udata_len(data) > 0 &&
	    memchr(nftnl_udata_get(data), '\0', nftnl_udata_len(data)))
		*comment = nftnl_udata_get(data);
	return 0;
}

bool nft_decode_comment(const struct nlmsghdr *message, char *text, size_t size)
{
	const struct nlattr *attribute = nft_attr_find(message, NFTA_RULE_USERDATA);
	const char *comment = NULL;

	if (!attribute || nftnl_udata_parse(nft_attr_data(attribute), nft_attr_size(attribute),
					    take_comment, &comment) < 0 || !comment)
		return false;
	size_t length = strnlen(comment, size - 1);
	memcpy(text, comment, length);
	text[length] = '\0';
	return true;
}

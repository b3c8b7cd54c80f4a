/* The judgement of chains: each way in which a peer's certificates can be wrong, and right. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "cert_util.h"

#define HOUR 3600L
#define DAY  (24 * HOUR)

/* root -> middle -> leaf, and those beside them */
static struct cert root, middle, leaf, other_root, sys_root, sys_leaf;

static int evaluate_with(struct bri_certificate **chain, size_t n, const char *host, bool client,
	struct bri_certificate *anchor, bool only, const uint8_t *ocsp, size_t ocsp_size)
{
	struct bri_trust *trust = bri_trust_new(chain, n, host, client);
	int verdict;

	assert_non_null(trust);
	assert_int_equal(trust->result, BRI_NOT_EVALUATED);
	assert_int_equal(bri_trust_set_anchors(trust, &anchor, anchor ? 1 : 0), 0);
	assert_int_equal(bri_trust_set_ocsp(trust, ocsp, ocsp_size), 0);
	trust->anchors_only = only;
	verdict = bri_trust_evaluate(trust);
	assert_int_equal(trust->result, verdict);
	assert_int_equal(bri_trust_evaluate(trust), verdict); /* again: the same */
	bri_object_release(trust);
	return verdict;
}

static int evaluate(struct bri_certificate **chain, size_t n, const char *host)
{
	return evaluate_with(chain, n, host, false, root.object, true, NULL, 0);
}

/* a leaf as spec says, issued by `issuer` under middle, for `host` */
static int judge(struct cert_spec spec, const char *host, bool client)
{
	struct cert cert = cert_make(&spec, &middle);
	struct bri_certificate *chain[] = { cert.object, middle.object };
	int verdict = evaluate_with(chain, 2, host, client, root.object, true, NULL, 0);

	cert_free(&cert);
	return verdict;
}

static int make_all(void **state)
{
	char path[] = "/tmp/braid-trust-XXXXXX";
	int fd = mkstemp(path);
	char *pem;

	(void)state;
	root = cert_make(&(struct cert_spec) { .cn = "root", .ca = true }, NULL);
	middle = cert_make(&(struct cert_spec) { .cn = "middle", .ca = true }, &root);
	leaf = cert_make(
		&(struct cert_spec) { .cn = "leaf", .dns = { "a.test", "*.b.test" } }, &middle);
	other_root = cert_make(&(struct cert_spec) { .cn = "other", .ca = true }, NULL);
	sys_root = cert_make(&(struct cert_spec) { .cn = "sys", .ca = true }, NULL);
	sys_leaf = cert_make(&(struct cert_spec) { .cn = "s", .dns = { "s.test" } }, &sys_root);
	/* what the environment names instead of the system's store; read at the first evaluation */
	pem = cert_pem(&sys_root);
	if (fd < 0 || write(fd, pem, strlen(pem)) != (ssize_t)strlen(pem))
		return -1;
	close(fd);
	free(pem);
	setenv("SSL_CERT_FILE", path, 1);
	evaluate_with(&leaf.object, 1, NULL, false, NULL, false, NULL, 0);
	return unlink(path);
}

static int free_all(void **state)
{
	(void)state;
	cert_free(&root);
	cert_free(&middle);
	cert_free(&leaf);
	cert_free(&other_root);
	cert_free(&sys_root);
	cert_free(&sys_leaf);
	return 0;
}

static void good_chains(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object, root.object };
	struct bri_certificate *odd[] = { leaf.object, other_root.object, middle.object };

	(void)state;
	assert_int_equal(evaluate(chain, 2, "a.test"), 0);
	assert_int_equal(evaluate(chain, 3, "a.test"), 0); /* with its root */
	assert_int_equal(evaluate(chain, 2, NULL), 0);
	/* RFC 8446 section 4.4.2: be prepared for certificates that do not belong there */
	assert_int_equal(evaluate(odd, 3, "a.test"), 0);
}

static void names(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };
	static const struct {
		const char *host;
		int verdict;
	} cases[] = {
		{ "a.test", 0 },
		{ "A.Test", 0 },
		{ "a.test.", 0 }, /* absolute */
		{ "x.b.test", 0 },
		{ "b.test", BRI_HOST_MISMATCH },
		{ "x.y.b.test", BRI_HOST_MISMATCH }, /* RFC 9525 section 6.3: one label */
		{ "c.test", BRI_HOST_MISMATCH },
		{ "a.test.evil", BRI_HOST_MISMATCH },
		{ "leaf", BRI_HOST_MISMATCH }, /* only the common name */
		{ "", BRI_HOST_MISMATCH },
		{ ".", BRI_HOST_MISMATCH },
		{ "127.0.0.1", BRI_HOST_MISMATCH },
		{ "::1", BRI_HOST_MISMATCH },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		if (evaluate(chain, 2, cases[i].host) != cases[i].verdict)
			fail_msg("%s: %d", cases[i].host, evaluate(chain, 2, cases[i].host));
	}
}

static void long_names(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };
	char name[300];

	(void)state;
	for (size_t n = 250; n < 258; n++) {
		memset(name, 'x', n);
		name[n] = '\0';
		assert_int_equal(evaluate(chain, 2, name), BRI_HOST_MISMATCH);
	}
}

static void common_name_counts_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(
		judge((struct cert_spec) { .cn = "a.test" }, "a.test", false), BRI_HOST_MISMATCH);
	assert_int_equal(judge((struct cert_spec) { .cn = "127.0.0.1" }, "127.0.0.1", false),
		BRI_HOST_MISMATCH);
	assert_int_equal(
		judge((struct cert_spec) { .cn = "a.test", .ip = "127.0.0.1" }, "a.test", false),
		BRI_HOST_MISMATCH);
	/* an address written as a dNSName is none (RFC 9525 section 6.4) */
	assert_int_equal(
		judge((struct cert_spec) { .cn = "x", .dns = { "127.0.0.1" } }, "127.0.0.1", false),
		BRI_HOST_MISMATCH);
}

static void addresses(void **state)
{
	struct cert_spec four = { .cn = "four", .ip = "192.0.2.1" };
	struct cert_spec six = { .cn = "six", .ip = "fe80::1" };

	(void)state;
	assert_int_equal(judge(four, "192.0.2.1", false), 0);
	assert_int_equal(judge(four, "192.0.2.2", false), BRI_HOST_MISMATCH);
	assert_int_equal(judge(six, "fe80::1", false), 0);
	assert_int_equal(judge(six, "fe80:0::1%eth0", false), 0);
	assert_int_equal(judge(six, "fe80::2", false), BRI_HOST_MISMATCH);
	assert_int_equal(judge(six, "%eth0", false), BRI_HOST_MISMATCH);
}

static void dates(void **state)
{
	struct cert_spec spec = { .cn = "x", .dns = { "a.test" } };

	(void)state;
	spec.from_s = -2 * DAY;
	spec.to_s = -HOUR;
	assert_int_equal(judge(spec, "a.test", false), BRI_EXPIRED);
	/* of two faults the date is told: the name may be right in the next one */
	assert_int_equal(judge(spec, "b.test", false), BRI_EXPIRED);
	spec.from_s = HOUR;
	spec.to_s = DAY;
	assert_int_equal(judge(spec, "a.test", false), BRI_NOT_YET_VALID);
	spec.from_s = -HOUR;
	assert_int_equal(judge(spec, "a.test", false), 0);
}

static void dates_above(void **state)
{
	struct cert old_ca = cert_make(
		&(struct cert_spec) { .cn = "old", .ca = true, .from_s = -DAY, .to_s = -HOUR },
		&root);
	struct cert under =
		cert_make(&(struct cert_spec) { .cn = "x", .dns = { "a.test" } }, &old_ca);
	struct bri_certificate *chain[] = { under.object, old_ca.object };

	(void)state;
	assert_int_equal(evaluate(chain, 2, "a.test"), BRI_EXPIRED);
	cert_free(&under);
	cert_free(&old_ca);
}

static void purposes(void **state)
{
	struct cert_spec server = {
		.cn = "x", .dns = { "a.test" }, .purpose = GNUTLS_KP_TLS_WWW_SERVER
	};
	struct cert_spec client = {
		.cn = "x", .dns = { "a.test" }, .purpose = GNUTLS_KP_TLS_WWW_CLIENT
	};
	struct cert_spec none = { .cn = "x", .dns = { "a.test" } };
	struct cert_spec code = {
		.cn = "x", .dns = { "a.test" }, .purpose = GNUTLS_KP_CODE_SIGNING
	};

	(void)state;
	assert_int_equal(judge(server, "a.test", false), 0);
	assert_int_equal(judge(server, NULL, true), BRI_BAD_CERTIFICATE);
	assert_int_equal(judge(client, NULL, true), 0);
	assert_int_equal(judge(client, "a.test", false), BRI_BAD_CERTIFICATE);
	assert_int_equal(judge(none, "a.test", false), 0);
	assert_int_equal(judge(none, NULL, true), 0);
	assert_int_equal(judge(code, "a.test", false), BRI_BAD_CERTIFICATE);
}

static void any_purpose(void **state)
{
	struct cert cert = cert_make(
		&(struct cert_spec) { .cn = "x", .purpose = GNUTLS_KP_CODE_SIGNING }, &root);
	struct bri_trust *trust = bri_trust_new(&cert.object, 1, "a.test", false);

	(void)state;
	trust->any_purpose = true;
	trust->anchors_only = true;
	assert_int_equal(bri_trust_set_anchors(trust, &root.object, 1), 0);
	assert_int_equal(bri_trust_evaluate(trust), 0);
	bri_object_release(trust);
	cert_free(&cert);
}

static void unknown_issuers(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object, root.object };

	(void)state;
	/* an intermediate is missing */
	assert_int_equal(evaluate(chain, 1, "a.test"), BRI_UNKNOWN_ROOT);
	/* another anchor; the chain with and without its own root */
	for (size_t n = 2; n <= 3; n++)
		assert_int_equal(
			evaluate_with(chain, n, "a.test", false, other_root.object, true, NULL, 0),
			BRI_UNKNOWN_ROOT);
	/* no anchor at all */
	assert_int_equal(
		evaluate_with(chain, 3, "a.test", false, NULL, true, NULL, 0), BRI_UNKNOWN_ROOT);
	/* an unknown issuer makes dates and names meaningless */
	assert_int_equal(
		evaluate_with(chain, 3, "z.test", false, NULL, true, NULL, 0), BRI_UNKNOWN_ROOT);
}

static void self_signed(void **state)
{
	struct cert self =
		cert_make(&(struct cert_spec) { .cn = "self", .dns = { "a.test" } }, NULL);
	struct cert old = cert_make(
		&(struct cert_spec) {
			.cn = "self", .dns = { "a.test" }, .from_s = -DAY, .to_s = -HOUR },
		NULL);

	(void)state;
	assert_int_equal(evaluate(&self.object, 1, "a.test"), BRI_NO_ROOT);
	assert_int_equal(evaluate(&old.object, 1, "a.test"), BRI_NO_ROOT);
	/* made an anchor it is trusted, but not for other names, nor for ever */
	assert_int_equal(
		evaluate_with(&self.object, 1, "a.test", false, self.object, true, NULL, 0), 0);
	assert_int_equal(
		evaluate_with(&self.object, 1, "b.test", false, self.object, true, NULL, 0),
		BRI_HOST_MISMATCH);
	assert_int_equal(evaluate_with(&old.object, 1, "a.test", false, old.object, true, NULL, 0),
		BRI_EXPIRED);
	cert_free(&self);
	cert_free(&old);
}

static void pinned_leaf(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };

	(void)state;
	/* an anchor need be no root */
	assert_int_equal(evaluate_with(chain, 2, "a.test", false, middle.object, true, NULL, 0), 0);
	assert_int_equal(evaluate_with(chain, 1, "a.test", false, leaf.object, true, NULL, 0), 0);
}

static void own_anchors_and_the_systems(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };

	(void)state;
	assert_int_equal(
		evaluate_with(&sys_leaf.object, 1, "s.test", false, NULL, false, NULL, 0), 0);
	assert_int_equal(evaluate_with(&sys_leaf.object, 1, "x.test", false, NULL, false, NULL, 0),
		BRI_HOST_MISMATCH);
	/* besides: both are trusted */
	assert_int_equal(
		evaluate_with(&sys_leaf.object, 1, "s.test", false, root.object, false, NULL, 0),
		0);
	assert_int_equal(evaluate_with(chain, 2, "a.test", false, root.object, false, NULL, 0), 0);
	/* only: the system's is not */
	assert_int_equal(
		evaluate_with(&sys_leaf.object, 1, "s.test", false, root.object, true, NULL, 0),
		BRI_UNKNOWN_ROOT);
	/* the system alone does not know ours */
	assert_int_equal(
		evaluate_with(chain, 2, "a.test", false, NULL, false, NULL, 0), BRI_UNKNOWN_ROOT);
}

static void authorities(void **state)
{
	struct cert not_ca = cert_make(&(struct cert_spec) { .cn = "not a ca" }, &root);
	struct cert short_ca =
		cert_make(&(struct cert_spec) { .cn = "short", .ca = true, .path_len = 1 }, &root);
	struct cert sub_ca = cert_make(&(struct cert_spec) { .cn = "sub", .ca = true }, &short_ca);
	struct cert_spec spec = { .cn = "x", .dns = { "a.test" } };
	struct cert by_not_ca = cert_make(&spec, &not_ca), by_short = cert_make(&spec, &short_ca),
		    by_sub = cert_make(&spec, &sub_ca);
	struct bri_certificate *a[] = { by_not_ca.object, not_ca.object };
	struct bri_certificate *b[] = { by_short.object, short_ca.object };
	struct bri_certificate *c[] = { by_sub.object, sub_ca.object, short_ca.object };

	(void)state;
	assert_int_equal(evaluate(a, 2, "a.test"), BRI_CHAIN_INVALID);
	assert_int_equal(evaluate(b, 2, "a.test"), 0);
	assert_int_equal(evaluate(c, 3, "a.test"), BRI_CHAIN_INVALID); /* path length 0 */
	cert_free(&by_not_ca);
	cert_free(&by_short);
	cert_free(&by_sub);
	cert_free(&not_ca);
	cert_free(&sub_ca);
	cert_free(&short_ca);
}

static void name_constraints(void **state)
{
	struct cert ca = cert_make(
		&(struct cert_spec) { .cn = "nc", .ca = true, .permitted_dns = "a.test" }, &root);
	struct cert in = cert_make(&(struct cert_spec) { .cn = "in", .dns = { "x.a.test" } }, &ca);
	struct cert out = cert_make(&(struct cert_spec) { .cn = "out", .dns = { "b.test" } }, &ca);
	struct bri_certificate *a[] = { in.object, ca.object }, *b[] = { out.object, ca.object };

	(void)state;
	assert_int_equal(evaluate(a, 2, "x.a.test"), 0);
	assert_int_equal(evaluate(b, 2, "b.test"), BRI_CHAIN_INVALID);
	cert_free(&in);
	cert_free(&out);
	cert_free(&ca);
}

static void forged(void **state)
{
	struct bri_certificate *copy, *chain[2];
	uint8_t der[4096];

	(void)state;
	assert_true(leaf.object->size < sizeof(der));
	memcpy(der, leaf.object->der, leaf.object->size);
	der[leaf.object->size - 1] ^= 1; /* the end of the signature */
	copy = bri_certificate_new(der, leaf.object->size);
	assert_non_null(copy);
	chain[0] = copy;
	chain[1] = middle.object;
	assert_int_equal(evaluate(chain, 2, "a.test"), BRI_CHAIN_INVALID);
	bri_object_release(copy);
}

static void weak(void **state)
{
	(void)state;
	assert_int_equal(
		judge((struct cert_spec) { .cn = "x", .dns = { "a.test" }, .rsa_bits = 1024 },
			"a.test", false),
		BRI_BAD_CERTIFICATE);
	assert_int_equal(
		judge((struct cert_spec) { .cn = "x", .dns = { "a.test" }, .rsa_bits = 2048 },
			"a.test", false),
		0);
	assert_int_equal(judge((struct cert_spec) { .cn = "x",
				       .dns = { "a.test" },
				       .digest = GNUTLS_DIG_SHA1 },
				 "a.test", false),
		BRI_BAD_CERTIFICATE);
	assert_int_equal(
		judge((struct cert_spec) { .cn = "x", .dns = { "a.test" }, .weird_critical = true },
			"a.test", false),
		BRI_BAD_CERTIFICATE);
}

static int staple(struct cert_ocsp_spec spec)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };
	size_t size;
	uint8_t *response;
	int verdict;

	if (!spec.subject)
		spec.subject = &leaf;
	if (!spec.issuer)
		spec.issuer = &middle;
	response = cert_ocsp(&spec, &size);
	verdict = evaluate_with(chain, 2, "a.test", false, root.object, true, response, size);
	free(response);
	return verdict;
}

static void staples(void **state)
{
	(void)state;
	assert_int_equal(staple((struct cert_ocsp_spec) { .this_s = -HOUR, .next_s = HOUR }), 0);
	assert_int_equal(staple((struct cert_ocsp_spec) { .this_s = -HOUR }), 0);
	assert_int_equal(staple((struct cert_ocsp_spec) {
				 .status = CERT_OCSP_REVOKED, .this_s = -HOUR, .next_s = HOUR }),
		BRI_REVOKED);
	/* for ever */
	assert_int_equal(
		staple((struct cert_ocsp_spec) {
			.status = CERT_OCSP_REVOKED, .this_s = -9 * DAY, .next_s = -8 * DAY }),
		BRI_REVOKED);
	assert_int_equal(staple((struct cert_ocsp_spec) {
				 .status = CERT_OCSP_UNKNOWN, .this_s = -HOUR, .next_s = HOUR }),
		BRI_BAD_OCSP);
	/* "try later" says nothing */
	assert_int_equal(staple((struct cert_ocsp_spec) { .response_status = 3 }), 0);
}

static void stale_staples(void **state)
{
	(void)state;
	assert_int_equal(staple((struct cert_ocsp_spec) { .this_s = -2 * DAY, .next_s = -HOUR }),
		BRI_BAD_OCSP);
	assert_int_equal(staple((struct cert_ocsp_spec) { .this_s = -8 * DAY }), BRI_BAD_OCSP);
	assert_int_equal(
		staple((struct cert_ocsp_spec) { .this_s = HOUR, .next_s = DAY }), BRI_BAD_OCSP);
	/* clocks differ */
	assert_int_equal(staple((struct cert_ocsp_spec) { .this_s = 200, .next_s = DAY }), 0);
	assert_int_equal(staple((struct cert_ocsp_spec) { .this_s = -DAY, .next_s = -200 }), 0);
}

static void foreign_staples(void **state)
{
	struct cert delegate = cert_make(
		&(struct cert_spec) { .cn = "ocsp", .purpose = GNUTLS_KP_OCSP_SIGNING }, &middle);
	struct cert plain = cert_make(&(struct cert_spec) { .cn = "plain" }, &middle);
	struct cert foreign =
		cert_make(&(struct cert_spec) { .cn = "ocsp", .purpose = GNUTLS_KP_OCSP_SIGNING },
			&other_root);
	struct cert_ocsp_spec spec = { .this_s = -HOUR, .next_s = HOUR };

	(void)state;
	spec.signer = &delegate; /* RFC 6960 section 4.2.2.2 */
	assert_int_equal(staple(spec), 0);
	spec.status = CERT_OCSP_REVOKED;
	assert_int_equal(staple(spec), BRI_REVOKED);
	spec.signer = &plain; /* not certified for that */
	assert_int_equal(staple(spec), BRI_BAD_OCSP);
	spec.signer = &foreign;
	assert_int_equal(staple(spec), BRI_BAD_OCSP);
	spec.signer = NULL;
	spec.subject = &plain; /* about another certificate */
	assert_int_equal(staple(spec), BRI_BAD_OCSP);
	cert_free(&delegate);
	cert_free(&plain);
	cert_free(&foreign);
}

static void staple_of_an_anchors_child(void **state)
{
	struct cert_ocsp_spec spec = { .status = CERT_OCSP_REVOKED,
		.this_s = -HOUR,
		.subject = &sys_leaf,
		.issuer = &sys_root };
	size_t size;
	uint8_t *response = cert_ocsp(&spec, &size);

	(void)state;
	/* its issuer is not in the chain, but among the anchors */
	assert_int_equal(
		evaluate_with(&sys_leaf.object, 1, "s.test", false, NULL, false, response, size),
		BRI_REVOKED);
	assert_int_equal(evaluate_with(&sys_leaf.object, 1, "s.test", false, sys_root.object, true,
				 response, size),
		BRI_REVOKED);
	free(response);
}

static void broken_staples(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };
	struct cert_ocsp_spec spec = { .this_s = -HOUR, .subject = &leaf, .issuer = &middle };
	size_t size;
	uint8_t *response = cert_ocsp(&spec, &size);

	(void)state;
	for (size_t n = 1; n < size; n++)
		assert_int_equal(
			evaluate_with(chain, 2, "a.test", false, root.object, true, response, n),
			BRI_BAD_OCSP);
	response[size - 1] ^= 1;
	assert_int_equal(
		evaluate_with(chain, 2, "a.test", false, root.object, true, response, size),
		BRI_BAD_OCSP);
	free(response);
}

static void limits(void **state)
{
	struct bri_certificate *many[BRI_CHAIN_MAX + 1];
	struct bri_certificate **anchors = calloc(BRI_ANCHORS_MAX + 1, sizeof(*anchors));
	uint8_t *big = calloc(1, BRI_OCSP_MAX + 1);
	struct bri_trust *trust;

	(void)state;
	many[0] = leaf.object;
	many[1] = middle.object;
	for (size_t i = 2; i < BRI_LEN(many); i++)
		many[i] = root.object;
	assert_int_equal(evaluate(many, BRI_CHAIN_MAX, "a.test"), 0);
	assert_null(bri_trust_new(many, BRI_CHAIN_MAX + 1, NULL, false));
	assert_null(bri_trust_new(many, 0, NULL, false));
	assert_null(bri_trust_new(NULL, 1, NULL, false));
	trust = bri_trust_new(many, 2, NULL, false);
	assert_int_equal(bri_trust_set_ocsp(trust, big, BRI_OCSP_MAX), 0);
	assert_int_equal(bri_trust_set_ocsp(trust, big, BRI_OCSP_MAX + 1), -EMSGSIZE);
	assert_int_equal(trust->ocsp_size, BRI_OCSP_MAX);
	for (size_t i = 0; i <= BRI_ANCHORS_MAX; i++)
		anchors[i] = root.object;
	assert_int_equal(bri_trust_set_anchors(trust, anchors, BRI_ANCHORS_MAX), 0);
	assert_int_equal(bri_trust_set_anchors(trust, anchors, BRI_ANCHORS_MAX + 1), -E2BIG);
	assert_int_equal(trust->n_anchors, BRI_ANCHORS_MAX);
	bri_object_release(trust);
	free(anchors);
	free(big);
}

static void copies(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };
	struct bri_trust *trust = bri_trust_new(chain, 2, "a.test", false), *copy;

	(void)state;
	assert_int_equal(bri_trust_set_anchors(trust, &root.object, 1), 0);
	assert_int_equal(bri_trust_set_ocsp(trust, "xx", 2), 0);
	trust->anchors_only = true;
	assert_int_equal(bri_trust_evaluate(trust), BRI_BAD_OCSP);
	copy = bri_trust_copy(trust);
	bri_object_release(trust);
	assert_int_equal(copy->result, BRI_NOT_EVALUATED);
	assert_int_equal(bri_trust_evaluate(copy), BRI_BAD_OCSP);
	assert_int_equal(bri_trust_set_ocsp(copy, NULL, 0), 0);
	assert_int_equal(bri_trust_evaluate(copy), 0);
	bri_object_release(copy);
}

static void certificates_of_bytes(void **state)
{
	struct bri_object *obj = &leaf.object->base;
	uint8_t *big = calloc(1, BRI_CERTIFICATE_MAX + 1);
	struct bri_certificate *copy;

	(void)state;
	assert_null(bri_certificate_new(NULL, 10));
	assert_null(bri_certificate_new(leaf.object->der, 0));
	for (size_t n = 1; n < leaf.object->size; n++)
		assert_null(bri_certificate_new(leaf.object->der, n));
	assert_null(bri_certificate_new(big, BRI_CERTIFICATE_MAX));
	assert_null(bri_certificate_new(big, BRI_CERTIFICATE_MAX + 1));
	free(big);
	copy = bri_certificate_new(leaf.object->der, leaf.object->size);
	assert_true(bri_certificate_equal(copy, leaf.object));
	assert_false(bri_certificate_equal(copy, middle.object));
	bri_object_release(copy);
	assert_int_equal(atomic_load(&obj->ext), 1);
	assert_int_equal(atomic_load(&obj->refs), 1);
}

static gnutls_privkey_t private_key(const struct cert *cert)
{
	gnutls_privkey_t key;

	assert_int_equal(gnutls_privkey_init(&key), 0);
	assert_int_equal(gnutls_privkey_import_x509(key, cert->key, GNUTLS_PRIVKEY_IMPORT_COPY), 0);
	return key;
}

static void identities(void **state)
{
	struct bri_certificate *chain[] = { leaf.object, middle.object };
	struct bri_certificate *many[BRI_CHAIN_MAX + 1];
	gnutls_privkey_t key = private_key(&leaf), wrong = private_key(&middle);
	struct bri_identity *identity, *other, *third;

	(void)state;
	assert_true(bri_identity_fits(key, leaf.object));
	assert_false(bri_identity_fits(wrong, leaf.object));
	gnutls_privkey_deinit(wrong);
	assert_null(bri_identity_new(key, chain, 0));
	assert_null(bri_identity_new(key, NULL, 1));
	assert_null(bri_identity_new(NULL, chain, 1));
	for (size_t i = 0; i < BRI_LEN(many); i++)
		many[i] = middle.object;
	assert_null(bri_identity_new(key, many, BRI_CHAIN_MAX + 1));
	many[1] = NULL;
	assert_null(bri_identity_new(key, many, 2)); /* the key is still ours */
	many[1] = middle.object;
	identity = bri_identity_new(key, chain, 1);
	assert_int_equal(identity->n, 1);
	/* its own certificate among them, or not: it comes first, once */
	other = bri_identity_with_chain(identity, chain, 2);
	assert_int_equal(other->n, 2);
	assert_ptr_equal(other->chain[0], leaf.object);
	assert_ptr_equal(other->chain[1], middle.object);
	assert_ptr_equal(other->key, identity->key);
	third = bri_identity_with_chain(other, many, BRI_CHAIN_MAX - 1);
	assert_int_equal(third->n, BRI_CHAIN_MAX);
	assert_null(bri_identity_with_chain(other, many, BRI_CHAIN_MAX));
	/* the key lives as long as any of them */
	bri_object_release(identity);
	bri_object_release(other);
	assert_true(bri_identity_fits(third->key, leaf.object));
	bri_object_release(third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_chains),
		cmocka_unit_test(names),
		cmocka_unit_test(long_names),
		cmocka_unit_test(common_name_counts_for_nothing),
		cmocka_unit_test(addresses),
		cmocka_unit_test(dates),
		cmocka_unit_test(dates_above),
		cmocka_unit_test(purposes),
		cmocka_unit_test(any_purpose),
		cmocka_unit_test(unknown_issuers),
		cmocka_unit_test(self_signed),
		cmocka_unit_test(pinned_leaf),
		cmocka_unit_test(own_anchors_and_the_systems),
		cmocka_unit_test(authorities),
		cmocka_unit_test(name_constraints),
		cmocka_unit_test(forged),
		cmocka_unit_test(weak),
		cmocka_unit_test(staples),
		cmocka_unit_test(stale_staples),
		cmocka_unit_test(foreign_staples),
		cmocka_unit_test(staple_of_an_anchors_child),
		cmocka_unit_test(broken_staples),
		cmocka_unit_test(limits),
		cmocka_unit_test(copies),
		cmocka_unit_test(certificates_of_bytes),
		cmocka_unit_test(identities),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}

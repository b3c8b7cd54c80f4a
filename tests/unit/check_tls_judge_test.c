/* What `braid check HOST` says about made-up TLS handshakes: each verdict and its fix. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <Network/Network.h>
#include <cmocka.h>
#include "cli/check_tls.h"
#include "cli/net.h"

#define DAY INT64_C(86400)
#define NOW (20000 * DAY) /* 2024-10-04 */

static const struct bri_cli_target target = { "example.test", "443" };

struct world {
	struct bri_check_tls tls;
	struct bri_report report;
};

static void add_name(struct world *w, const char *name)
{
	snprintf(w->tls.names[w->tls.n_names++], BRI_CHECK_TLS_NAME_SIZE, "%s", name);
}

/* A good one. */
static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	w->tls = (struct bri_check_tls) { .outcome = BRI_CHECK_TLS_READY,
		.handshake_us = 12345,
		.version = 0x0304,
		.suite = 0x1301,
		.alpn = "h2",
		.has_certificate = true,
		.issuer = "Some CA",
		.not_before = NOW - 30 * DAY,
		.not_after = NOW + 60 * DAY,
		.now = NOW };
	add_name(w, "example.test");
	bri_report_init(&w->report);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bri_report_fini(&w->report);
	test_free(w);
	return 0;
}

static const struct bri_report_row *judge(struct world *w, const char *id)
{
	bri_report_fini(&w->report);
	bri_check_tls_judge(&w->tls, &target, &w->report);
	for (size_t i = 0; i < w->report.n; i++)
		if (strcmp(w->report.rows[i].id, id) == 0)
			return &w->report.rows[i];
	return NULL;
}

static void check(struct world *w, const char *id, enum bri_verdict verdict, const char *text,
	const char *fix)
{
	const struct bri_report_row *row = judge(w, id);

	assert_non_null(row);
	if (row->verdict != verdict || !strstr(row->text, text))
		fail_msg("%s: %s '%s', not '%s'", id, bri_verdict_name(row->verdict), row->text,
			text);
	if (fix ? !strstr(row->fix, fix) : *row->fix)
		fail_msg("%s: fix '%s', not '%s'", id, row->fix, fix ? fix : "");
}

static void test_good(void **state)
{
	struct world *w = *state;

	check(w, "tls.handshake", BRI_VERDICT_OK,
		"TLS 1.3, TLS_AES_128_GCM_SHA256, over plain TCP, in 12.3 ms", NULL);
	check(w, "tls.alpn", BRI_VERDICT_OK, "h2", NULL);
	check(w, "tls.certificate", BRI_VERDICT_OK,
		"trusted, until 2024-12-03; for example.test; by Some CA", NULL);
	assert_int_equal(w->report.n, 3);
	w->tls.multipath = true;
	w->tls.version = 0x0303;
	w->tls.suite = 0xeeee;
	*w->tls.alpn = 0;
	check(w, "tls.handshake", BRI_VERDICT_OK,
		"TLS 1.2, cipher suite 0xeeee, over Multipath TCP", NULL);
	check(w, "tls.alpn", BRI_VERDICT_NOTE, "no protocol of h2, http/1.1", NULL);
	w->tls.has_certificate = false;
	check(w, "tls.certificate", BRI_VERDICT_NOTE, "none was shown", NULL);
}

static void test_end_is_near(void **state)
{
	struct world *w = *state;

	w->tls.not_after = NOW + 14 * DAY;
	check(w, "tls.certificate", BRI_VERDICT_OK, "trusted, until 2024-10-18", NULL);
	w->tls.not_after--;
	check(w, "tls.certificate", BRI_VERDICT_WARN, "trusted, until 2024-10-17", "renew it");
}

static void test_names(void **state)
{
	struct world *w = *state;

	add_name(w, "192.0.2.1");
	check(w, "tls.certificate", BRI_VERDICT_OK, "for example.test, 192.0.2.1; by", NULL);
	w->tls.names_cut = true;
	check(w, "tls.certificate", BRI_VERDICT_OK, "for example.test, 192.0.2.1, ...; by", NULL);
	while (w->tls.n_names <
		BRI_CHECK_TLS_MAX_NAMES) { /* as long as they can be: cut, no more */
		char *name = w->tls.names[w->tls.n_names++];

		memset(name, 'n', BRI_CHECK_TLS_NAME_SIZE - 1);
		name[BRI_CHECK_TLS_NAME_SIZE - 1] = 0;
	}
	check(w, "tls.certificate", BRI_VERDICT_OK, "nnnn; by Some CA", NULL);
	w->tls.n_names = 0;
	w->tls.names_cut = false;
	*w->tls.issuer = 0;
	check(w, "tls.certificate", BRI_VERDICT_OK, "for no host; by ?", NULL);
}

static void test_untrusted(void **state)
{
	static const struct {
		int code;
		const char *text, *fix;
	} cases[] = {
		{ errSSLNoRootCert, "signed by nobody else", "update-ca-certificates" },
		{ errSSLUnknownRootCert, "an authority that is not trusted", "fullchain.pem" },
		{ errSSLHostNameMismatch, "for another name (-9843); for example.test",
			"get one for example.test too" },
		{ errSSLPeerCertRevoked, "revoked", "with a new key" },
		{ errSSLBadCertificateStatusResponse, "OCSP", "ssl_stapling" },
		{ errSSLBadCert, "not valid", "RSA of 2048" },
		{ errSSLXCertChainInvalid, "no chain", "get a new one" },
		{ errSSLCertExpired, "has expired (-9814)", "renew it" }, /* another of the chain */
		{ errSSLCertNotYetValid, "not valid yet (-9815)", "timedatectl" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		w->tls.trust = cases[i].code;
		check(w, "tls.certificate", BRI_VERDICT_BAD, cases[i].text, cases[i].fix);
		check(w, "tls.handshake", BRI_VERDICT_OK, "TLS 1.3", NULL);
	}
	w->tls.trust = errSSLCertExpired;
	w->tls.not_after = NOW - DAY;
	check(w, "tls.certificate", BRI_VERDICT_BAD, "has expired on 2024-10-03", "renew it");
	w->tls.trust = errSSLCertNotYetValid;
	w->tls.not_before = NOW + DAY;
	check(w, "tls.certificate", BRI_VERDICT_BAD, "not valid yet before 2024-10-05", "clock");
	w->tls.not_before = INT64_MAX; /* a date that no calendar has */
	check(w, "tls.certificate", BRI_VERDICT_BAD, "before ?", "clock");
}

static void test_failures(void **state)
{
	static const struct {
		int code;
		const char *text, *fix;
	} cases[] = {
		{ errSSLProtocol, "does not speak TLS", "443" },
		{ errSSLUnexpectedRecord, "does not speak TLS", "443" },
		{ errSSLRecordOverflow, "does not speak TLS", "443" },
		{ errSSLDecodeError, "does not speak TLS", "443" },
		{ errSSLPeerProtocolVersion, "no version of TLS in common", "TLS 1.2 and 1.3" },
		{ errSSLNegotiation, "no cipher suite", "ECDHE" },
		{ errSSLPeerInsufficientSecurity, "no cipher suite", "ECDHE" },
		{ errSSLPeerHandshakeFail, "refused the handshake", "ALPN" },
		{ errSSLUnrecognizedName, "does not know this name", "server_name" },
		{ errSSLCertificateRequired, "wants a certificate", "braid cat" },
		{ errSSLClosedAbort, "broken off", "firewall" },
	};
	struct world *w = *state;

	w->tls.outcome = BRI_CHECK_TLS_FAILED;
	w->tls.is_tls_error = true;
	snprintf(w->tls.error, sizeof(w->tls.error), "the reason");
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		w->tls.code = cases[i].code;
		check(w, "tls.handshake", BRI_VERDICT_BAD, cases[i].text, cases[i].fix);
		check(w, "tls.handshake", BRI_VERDICT_BAD, "with example.test port 443", "");
		check(w, "tls.handshake", BRI_VERDICT_BAD, "(the reason)", "");
		assert_int_equal(w->report.n, 1);
	}
	w->tls.is_tls_error = false; /* an errno is not taken for one of those */
	w->tls.code = ECONNRESET;
	check(w, "tls.handshake", BRI_VERDICT_BAD, "broken off", "firewall");
}

static void test_silence(void **state)
{
	struct world *w = *state;

	w->tls.outcome = BRI_CHECK_TLS_SILENT;
	w->tls.timeout_ns = 2 * BRI_NS_PER_S + 50 * BRI_NS_PER_MS;
	check(w, "tls.handshake", BRI_VERDICT_BAD, "within 2.050 s", "probably no TLS");
	assert_int_equal(w->report.n, 1);
}

static char *json_of(const struct bri_check_tls *tls)
{
	struct bri_json json;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	bri_json_init(&json, file);
	json.one_line = true;
	bri_json_object(&json, NULL);
	bri_check_tls_json(tls, &json);
	bri_json_end_object(&json);
	fclose(file);
	return text;
}

static void check_json(const struct bri_check_tls *tls, const char *part)
{
	char *text = json_of(tls);

	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
	free(text);
}

static void test_json(void **state)
{
	struct world *w = *state;

	check_json(&w->tls, "\"version\":\"TLS 1.3\"");
	check_json(&w->tls, "\"cipher_suite\":\"TLS_AES_128_GCM_SHA256\"");
	check_json(&w->tls, "\"protocol\":\"h2\"");
	check_json(&w->tls, "\"trusted\":true");
	check_json(&w->tls, "\"example.test\"");
	w->tls.trust = errSSLCertExpired;
	check_json(&w->tls, "\"trusted\":false");
	check_json(&w->tls, "\"trust_error\":-9814");
	w->tls.has_certificate = false;
	check_json(&w->tls, "\"certificate\":null");
	w->tls.outcome = BRI_CHECK_TLS_FAILED;
	w->tls.code = -9800;
	check_json(&w->tls, "\"version\":null");
	check_json(&w->tls, "\"error_code\":-9800");
	w->tls.outcome = BRI_CHECK_TLS_SILENT;
	check_json(&w->tls, "\"error_code\":null");
}

static void test_words(void **state)
{
	char buffer[48];

	(void)state;
	assert_string_equal(bri_net_tls_version_name(0x0301), "TLS 1.0");
	assert_string_equal(bri_net_tls_version_name(0x0302), "TLS 1.1");
	assert_string_equal(bri_net_tls_version_name(0xfefd), "DTLS 1.2");
	assert_string_equal(bri_net_tls_version_name(0xfeff), "DTLS 1.0");
	assert_string_equal(bri_net_tls_version_name(0), "TLS ?");
	assert_string_equal(bri_net_tls_suite_name(0xc02f, buffer, sizeof(buffer)),
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
	assert_string_equal(
		bri_net_tls_suite_name(0x0005, buffer, sizeof(buffer)), "cipher suite 0x0005");
	assert_string_equal(bri_net_tls_error_text(1), "error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_is_near, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_untrusted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

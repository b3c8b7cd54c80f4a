/* sec_protocol_options and sec_protocol_metadata: arguments, defaults, copies, comparisons; the
 * cache of tickets. */
#include "api_test_util.h"

#include <Security/SecProtocolOptions.h>
#include <stdlib.h>
#include "api/parameters.h"
#include "api/sec_options.h"
#include "api/tls_cache.h"
#include "api/tls_options.h"

static dispatch_data_t data(const char *text)
{
	return dispatch_data_create_f(text, strlen(text), NULL, NULL);
}

static sec_protocol_options_t new_options(nw_protocol_options_t *ret_tls)
{
	*ret_tls = nw_tls_create_options();
	return nw_tls_copy_sec_protocol_options(*ret_tls);
}

static void defaults(void **state)
{
	nw_protocol_options_t tls;
	sec_protocol_options_t o = new_options(&tls);

	(void)state;
	assert_true(o->tickets_enabled && o->resumption_enabled && o->ocsp_enabled);
	assert_false(o->peer_authentication_required || o->peer_authentication_optional);
	assert_false(o->false_start_enabled || o->is_fallback_attempt);
	assert_false(sec_protocol_options_get_enable_encrypted_client_hello(o));
	assert_false(sec_protocol_options_get_quic_use_legacy_codepoint(o));
	assert_int_equal(sec_protocol_options_get_default_min_tls_protocol_version(),
		tls_protocol_version_TLSv12);
	assert_int_equal(sec_protocol_options_get_default_max_tls_protocol_version(),
		tls_protocol_version_TLSv13);
	assert_int_equal(sec_protocol_options_get_default_min_dtls_protocol_version(),
		tls_protocol_version_DTLSv12);
	assert_int_equal(sec_protocol_options_get_default_max_dtls_protocol_version(),
		tls_protocol_version_DTLSv12);
	sec_release(o);
	nw_release(tls);
	assert_quiet();
}

/* what is handed out is a part of the options, and outlives them */
static void options_are_live(void **state)
{
	nw_protocol_options_t tls;
	sec_protocol_options_t o = new_options(&tls), again = nw_tls_copy_sec_protocol_options(tls);

	(void)state;
	assert_ptr_equal(o, again);
	sec_release(again);
	nw_release(tls);
	sec_protocol_options_set_tls_server_name(o, "still.here");
	assert_string_equal(o->server_name, "still.here");
	assert_ptr_equal(sec_retain(o), o);
	nw_release(o);
	sec_release(o);
	assert_null(sec_retain(NULL));
	sec_release(NULL);
	assert_quiet();
}

/* the cast of an options object, as programs make it */
static void options_are_tolerant(void **state)
{
	nw_protocol_options_t tls = nw_tls_create_options();

	(void)state;
	sec_protocol_options_add_tls_application_protocol((sec_protocol_options_t)tls, "h2");
	assert_int_equal(((struct bri_tls_options *)tls)->sec->n_protocols, 1);
	nw_release(tls);
	assert_quiet();
}

static void wrong_arguments(void **state)
{
	nw_protocol_options_t tls, udp = nw_udp_create_options();
	sec_protocol_options_t o = new_options(&tls);
	dispatch_data_t d = data("x");

	(void)state;
	assert_null(nw_tls_copy_sec_protocol_options(udp));
	assert_logged("options of udp");
	assert_null(nw_tls_copy_sec_protocol_options(NULL));
	assert_logged("NULL");
	assert_null(nw_tls_copy_sec_protocol_metadata(NULL));
	assert_logged("NULL");
	assert_false(nw_protocol_metadata_is_tls(NULL));
	assert_false(nw_protocol_metadata_is_tls((nw_protocol_metadata_t)tls));
	sec_protocol_options_set_tls_server_name(NULL, "x");
	assert_logged("NULL");
	sec_protocol_options_set_tls_server_name((sec_protocol_options_t)udp, "x");
	assert_logged("sec_protocol_options_set_tls_server_name");
	sec_protocol_options_set_tls_server_name(o, NULL);
	assert_logged("no text");
	sec_protocol_options_set_local_identity(o, NULL);
	assert_logged("NULL");
	sec_protocol_options_set_local_identity(o, (sec_identity_t)d);
	assert_logged("sec_identity");
	sec_protocol_options_add_pre_shared_key(o, d, NULL);
	assert_logged("NULL");
	sec_protocol_options_add_pre_shared_key(o, NULL, d);
	assert_logged("NULL");
	assert_int_equal(o->n_psks, 0);
	sec_protocol_options_set_min_tls_protocol_version(o, 0x0300);
	assert_logged("not a version");
	sec_protocol_options_set_tls_max_version(o, kSSLProtocol3);
	assert_logged("not a version");
	sec_protocol_options_append_tls_ciphersuite_group(o, 77);
	assert_logged("not a group");
	sec_protocol_options_add_tls_application_protocol(o, NULL);
	assert_logged("1 to");
	sec_protocol_options_add_tls_application_protocol(o, "");
	assert_logged("1 to");
	assert_null(sec_protocol_metadata_get_negotiated_protocol(NULL));
	assert_logged("NULL");
	assert_int_equal(
		sec_protocol_metadata_get_negotiated_tls_ciphersuite((sec_protocol_metadata_t)o),
		0);
	assert_logged("sec_protocol_metadata");
	assert_false(sec_protocol_options_are_equal(o, NULL));
	assert_logged("NULL");
	dispatch_release(d);
	nw_release(udp);
	sec_release(o);
	nw_release(tls);
	assert_quiet();
}

static void limits(void **state)
{
	nw_protocol_options_t tls;
	sec_protocol_options_t o = new_options(&tls);
	char name[BRI_SEC_PROTOCOL_NAME_MAX + 2] = { 0 };

	(void)state;
	memset(name, 'x', BRI_SEC_PROTOCOL_NAME_MAX + 1);
	sec_protocol_options_add_tls_application_protocol(o, name);
	assert_logged("1 to");
	name[BRI_SEC_PROTOCOL_NAME_MAX] = 0;
	for (size_t i = 0; i < BRI_SEC_PROTOCOLS_MAX; i++)
		sec_protocol_options_add_tls_application_protocol(o, name);
	assert_quiet();
	sec_protocol_options_add_tls_application_protocol(o, "one");
	assert_logged("at most");
	for (size_t i = 0; i < BRI_SEC_SUITES_MAX; i++)
		sec_protocol_options_add_tls_ciphersuite(o, TLS_AES_128_GCM_SHA256);
	assert_quiet();
	sec_protocol_options_add_tls_ciphersuite(o, TLS_AES_128_GCM_SHA256);
	assert_logged("more than");
	sec_release(o);
	nw_release(tls);
}

static void versions(void **state)
{
	static const struct {
		tls_protocol_version_t version;
		uint16_t kept;
	} cases[] = {
		{ tls_protocol_version_TLSv10, 0x0301 },
		{ tls_protocol_version_TLSv13, 0x0304 },
		{ tls_protocol_version_DTLSv10, 0x0302 },
		{ tls_protocol_version_DTLSv12, 0x0303 },
	};
	static const struct {
		SSLProtocol version;
		uint16_t kept;
	} older[] = {
		{ kTLSProtocol1, 0x0301 },
		{ kTLSProtocol12, 0x0303 },
		{ kTLSProtocol13, 0x0304 },
		{ kDTLSProtocol12, 0x0303 },
	};
	nw_protocol_options_t tls;
	sec_protocol_options_t o = new_options(&tls);

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		sec_protocol_options_set_min_tls_protocol_version(o, cases[i].version);
		sec_protocol_options_set_max_tls_protocol_version(o, cases[i].version);
		assert_int_equal(o->min_version, cases[i].kept);
		assert_int_equal(o->max_version, cases[i].kept);
	}
	for (size_t i = 0; i < BRI_LEN(older); i++) {
		sec_protocol_options_set_tls_min_version(o, older[i].version);
		sec_protocol_options_set_tls_max_version(o, older[i].version);
		assert_int_equal(o->min_version, older[i].kept);
		assert_int_equal(o->max_version, older[i].kept);
	}
	sec_release(o);
	nw_release(tls);
	assert_quiet();
}

static void groups(void **state)
{
	static const size_t sizes[] = { 13, 17, 19, 13, 17 };

	(void)state;
	for (unsigned i = 0; i < BRI_LEN(sizes); i++) {
		nw_protocol_options_t tls;
		sec_protocol_options_t o = new_options(&tls);

		sec_protocol_options_append_tls_ciphersuite_group(o, (tls_ciphersuite_group_t)i);
		assert_int_equal(o->n_suites, sizes[i]);
		sec_protocol_options_add_tls_ciphersuite_group(o, (SSLCiphersuiteGroup)i);
		assert_int_equal(o->n_suites, 2 * sizes[i]);
		sec_release(o);
		nw_release(tls);
	}
	assert_quiet();
}

static int destroyed;

static void on_destroyed(void *context)
{
	(void)context;
	destroyed++;
}

static void verify(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	(void)context;
	(void)metadata;
	(void)trust;
	complete(complete_context, true);
}

static void fill(sec_protocol_options_t o, dispatch_queue_t queue)
{
	dispatch_data_t key = data("key"), name = data("name"), hint = data("hint");

	sec_protocol_options_add_pre_shared_key(o, key, name);
	sec_protocol_options_set_tls_pre_shared_key_identity_hint(o, hint);
	sec_protocol_options_set_tls_diffie_hellman_parameters(o, hint);
	sec_protocol_options_append_tls_ciphersuite(o, tls_ciphersuite_AES_128_GCM_SHA256);
	sec_protocol_options_add_tls_application_protocol(o, "h2");
	sec_protocol_options_set_tls_server_name(o, "example.test");
	sec_protocol_options_set_peer_authentication_required(o, true);
	sec_protocol_options_set_peer_authentication_optional(o, true);
	sec_protocol_options_set_tls_tickets_enabled(o, false);
	sec_protocol_options_set_tls_false_start_enabled(o, true);
	sec_protocol_options_set_tls_is_fallback_attempt(o, true);
	sec_protocol_options_set_tls_ocsp_enabled(o, false);
	sec_protocol_options_set_tls_sct_enabled(o, true);
	sec_protocol_options_set_tls_renegotiation_enabled(o, true);
	sec_protocol_options_set_enable_encrypted_client_hello(o, true);
	sec_protocol_options_set_quic_use_legacy_codepoint(o, true);
	sec_protocol_options_set_verify_block_f(o, NULL, verify, on_destroyed, queue);
	dispatch_release(key);
	dispatch_release(name);
	dispatch_release(hint);
}

static void copies(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	nw_protocol_options_t tls, copy;
	sec_protocol_options_t o = new_options(&tls), c;

	(void)state;
	destroyed = 0;
	fill(o, queue);
	copy = bri_protocol_options_copy(tls);
	c = nw_tls_copy_sec_protocol_options(copy);
	assert_ptr_not_equal(o, c);
	assert_true(sec_protocol_options_are_equal(o, c));
	assert_true(sec_protocol_options_get_enable_encrypted_client_hello(c));
	assert_true(sec_protocol_options_get_quic_use_legacy_codepoint(c));
	/* deep: a change of one is none of the other */
	sec_protocol_options_add_tls_application_protocol(c, "h3");
	assert_false(sec_protocol_options_are_equal(o, c));
	assert_int_equal(o->n_protocols, 1);
	sec_release(o);
	nw_release(tls);
	assert_int_equal(destroyed, 0); /* the copy has the handler, too */
	sec_release(c);
	nw_release(copy);
	assert_int_equal(destroyed, 1);
	dispatch_release(queue);
	assert_quiet();
}

static void set_one(sec_protocol_options_t o, unsigned i)
{
	dispatch_data_t d = data("d");

	switch (i) {
	case 0: sec_protocol_options_add_pre_shared_key(o, d, d); break;
	case 1: sec_protocol_options_set_tls_pre_shared_key_identity_hint(o, d); break;
	case 2: sec_protocol_options_append_tls_ciphersuite(o, 0x1301); break;
	case 3: sec_protocol_options_add_tls_application_protocol(o, "a"); break;
	case 4: sec_protocol_options_set_tls_server_name(o, "n"); break;
	case 5: sec_protocol_options_set_peer_authentication_required(o, true); break;
	case 6: sec_protocol_options_set_tls_resumption_enabled(o, false); break;
	case 7: sec_protocol_options_set_max_tls_protocol_version(o, 0x0303); break;
	case 8: sec_protocol_options_set_tls_diffie_hellman_parameters(o, d); break;
	default: break;
	}
	dispatch_release(d);
}

static void every_setting_counts_for_equality(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		nw_protocol_options_t ta, tb;
		sec_protocol_options_t a = new_options(&ta), b = new_options(&tb);

		assert_true(sec_protocol_options_are_equal(a, b));
		set_one(a, i);
		assert_false(sec_protocol_options_are_equal(a, b));
		set_one(b, i);
		assert_true(sec_protocol_options_are_equal(a, b));
		sec_release(a);
		sec_release(b);
		nw_release(ta);
		nw_release(tb);
	}
	assert_quiet();
}

static void handlers(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	nw_protocol_options_t tls;
	sec_protocol_options_t o = new_options(&tls);

	(void)state;
	destroyed = 0;
	sec_protocol_options_set_verify_block_f(o, NULL, verify, on_destroyed, NULL);
	assert_logged("queue is NULL");
	assert_int_equal(destroyed, 1);
	assert_null(o->handlers[BRI_SEC_VERIFY]);
	sec_protocol_options_set_verify_block_f(o, NULL, verify, on_destroyed, queue);
	sec_protocol_options_set_verify_block_f(o, NULL, verify, on_destroyed, queue);
	assert_int_equal(destroyed, 2);
	sec_protocol_options_set_verify_block_f(o, NULL, NULL, NULL, NULL);
	assert_int_equal(destroyed, 3);
	assert_null(o->handlers[BRI_SEC_VERIFY]);
	sec_release(o);
	nw_release(tls);
	dispatch_release(queue);
	assert_quiet();
}

/* tickets that were made before a change are worth nothing after it */
static void ticket_keys(void **state)
{
	nw_protocol_options_t tls, copy;
	sec_protocol_options_t o = new_options(&tls), c;
	gnutls_datum_t a, b;
	unsigned char before[64];

	(void)state;
	copy = bri_protocol_options_copy(tls);
	c = nw_tls_copy_sec_protocol_options(copy);
	a = bri_sec_options_ticket_key(o);
	b = bri_sec_options_ticket_key(c);
	assert_int_equal(a.size, b.size);
	assert_true(a.size > 0 && a.size <= sizeof(before));
	assert_ptr_equal(a.data, b.data);
	memcpy(before, a.data, a.size);
	sec_protocol_options_set_peer_authentication_required(o, true);
	a = bri_sec_options_ticket_key(o);
	assert_memory_not_equal(a.data, before, a.size);
	b = bri_sec_options_ticket_key(c);
	assert_memory_equal(b.data, before, b.size);
	sec_release(o);
	sec_release(c);
	nw_release(tls);
	nw_release(copy);
}

static gnutls_datum_t ticket(size_t size, int byte)
{
	gnutls_datum_t t = { .data = gnutls_malloc(size), .size = (unsigned)size };

	memset(t.data, byte, size);
	return t;
}

static void cache(void **state)
{
	gnutls_datum_t t;
	char key[16];
	bool early;

	(void)state;
	bri_tls_cache_clear();
	assert_false(bri_tls_cache_take("a", &t, &early));
	bri_tls_cache_put("a", ticket(10, 1), false);
	bri_tls_cache_put("a", ticket(10, 2), true); /* the newer */
	assert_true(bri_tls_cache_take("a", &t, &early));
	assert_int_equal(t.data[0], 2);
	assert_true(early);
	gnutls_free(t.data);
	assert_false(bri_tls_cache_take("a", &t, &early)); /* once */
	/* bounded: the oldest goes */
	for (unsigned i = 0; i <= BRI_TLS_CACHE_MAX; i++) {
		snprintf(key, sizeof(key), "%u", i);
		bri_tls_cache_put(key, ticket(10, 3), false);
	}
	assert_false(bri_tls_cache_take("0", &t, &early));
	assert_true(bri_tls_cache_take("1", &t, &early));
	assert_false(early);
	gnutls_free(t.data);
	/* and so is each */
	bri_tls_cache_put("large", ticket(BRI_TLS_CACHE_TICKET_MAX + 1, 0), false);
	assert_false(bri_tls_cache_take("large", &t, &early));
	bri_tls_cache_put("large", ticket(BRI_TLS_CACHE_TICKET_MAX, 0), false);
	assert_true(bri_tls_cache_take("large", &t, &early));
	gnutls_free(t.data);
	bri_tls_cache_clear();
	assert_false(bri_tls_cache_take("1", &t, &early));
}

static void definition(void **state)
{
	nw_protocol_definition_t a = nw_protocol_copy_tls_definition();
	nw_protocol_definition_t b = nw_protocol_copy_tls_definition();
	nw_protocol_options_t tls = nw_tls_create_options();
	nw_protocol_definition_t c = nw_protocol_options_copy_definition(tls);

	(void)state;
	assert_ptr_equal(a, b);
	assert_true(nw_protocol_definition_is_equal(a, c));
	nw_release(a);
	nw_release(b);
	nw_release(c);
	nw_release(tls);
	assert_quiet();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(definition),
		cmocka_unit_test(options_are_live),
		cmocka_unit_test(options_are_tolerant),
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(limits),
		cmocka_unit_test(versions),
		cmocka_unit_test(groups),
		cmocka_unit_test(copies),
		cmocka_unit_test(every_setting_counts_for_equality),
		cmocka_unit_test(handlers),
		cmocka_unit_test(ticket_keys),
		cmocka_unit_test(cache),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}

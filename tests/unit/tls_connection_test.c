/*
 * TLS and DTLS on connections and listeners of the API, over loopback: who is trusted, who answers
 * when, with which keys.
 */
#include "tls_connection_util.h"

/* --- plain --- */

static void default_trust(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);

		open_ends(e);
		talk(e);
		free_ends(e);
	}
}

static void use_stranger(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_local_identity(o, (sec_identity_t)stranger_id);
}

/* --- the application's judgement --- */

static void the_handler_is_authoritative(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		for (int verdict = 0; verdict < 2; verdict++) {
			struct ends *e = new_ends(udp);
			struct last_error last;

			e->server = use_stranger; /* nobody else would trust it */
			e->client = with_verify;
			e->verdict = verdict;
			if (verdict) {
				open_ends(e);
				talk(e);
			} else {
				expect_error(e, &last);
				assert_int_equal(last.domain, nw_error_domain_tls);
				assert_int_equal(last.code, -9808);
			}
			assert_true(e->verified >= 1);
			free_ends(e);
		}
	}
}

static void late_verdict(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	e->client = with_verify;
	e->verdict = -2;
	open_ends(e);
	await(&e->r, "asked");
	barrier(e->queue);
	assert_int_equal(seen(&e->r, "ready"), 0);
	e->later(e->later_context, true);
	talk(e);
	free_ends(e);
}

static void verdict_after_the_end(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	e->client = with_verify;
	e->verdict = -2;
	open_ends(e);
	await(&e->r, "asked");
	finish(e->c, &e->r);
	e->c = NULL;
	e->later(e->later_context, true);
	barrier(e->queue);
	free_ends(e);
}

/* --- keys that both know --- */

static void with_psk(struct ends *e, sec_protocol_options_t o)
{
	dispatch_data_t key = dispatch_data_create_f("0123456789abcdef", 16, NULL, NULL);
	dispatch_data_t name = dispatch_data_create_f("me", 2, NULL, NULL);

	(void)e;
	sec_protocol_options_add_pre_shared_key(o, key, name);
	sec_protocol_options_append_tls_ciphersuite(
		o, (tls_ciphersuite_t)TLS_PSK_WITH_AES_128_GCM_SHA256);
	dispatch_release(key);
	dispatch_release(name);
}

static void take_psk(void *context, dispatch_data_t psk, dispatch_data_t identity)
{
	struct ends *e = context;

	assert_int_equal(dispatch_data_get_size(psk), 16);
	assert_int_equal(dispatch_data_get_size(identity), 2);
	e->selected++;
}

static void pre_shared_keys(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);
		sec_protocol_metadata_t md;

		e->client = e->server = with_psk;
		open_ends(e);
		talk(e);
		md = metadata_of(e->c);
		assert_int_equal(sec_protocol_metadata_get_negotiated_ciphersuite(md),
			TLS_PSK_WITH_AES_128_GCM_SHA256);
		assert_true(sec_protocol_metadata_access_pre_shared_keys_f(md, e, take_psk));
		assert_int_equal(e->selected, 1);
		sec_release(md);
		free_ends(e);
	}
}

static void on_select(void *context, sec_protocol_metadata_t metadata, dispatch_data_t hint,
	sec_protocol_pre_shared_key_selection_complete_f complete, void *complete_context)
{
	struct ends *e = context;
	dispatch_data_t name = dispatch_data_create_f("me", 2, NULL, NULL);
	const void *bytes;
	size_t size;
	dispatch_data_t map = hint ? dispatch_data_create_map(hint, &bytes, &size) : NULL;

	assert_non_null(metadata);
	if (map)
		snprintf(e->hint, sizeof(e->hint), "%.*s", (int)size, (const char *)bytes);
	e->challenged++;
	complete(complete_context, name);
	dispatch_release(name);
	if (map)
		dispatch_release(map);
}

static void with_hint(struct ends *e, sec_protocol_options_t o)
{
	dispatch_data_t hint = dispatch_data_create_f("take me", 7, NULL, NULL);

	with_psk(e, o);
	sec_protocol_options_set_tls_pre_shared_key_identity_hint(o, hint);
	dispatch_release(hint);
}

static void with_selection(struct ends *e, sec_protocol_options_t o)
{
	dispatch_data_t key = dispatch_data_create_f("fedcba9876543210", 16, NULL, NULL);
	dispatch_data_t name = dispatch_data_create_f("not me", 6, NULL, NULL);

	sec_protocol_options_add_pre_shared_key(o, key, name);
	with_psk(e, o);
	/* on the queue of the connection: nothing blocks it */
	sec_protocol_options_set_pre_shared_key_selection_block_f(o, e, on_select, NULL, e->queue);
	dispatch_release(key);
	dispatch_release(name);
}

static void chosen_keys(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);

		e->client = with_selection;
		e->server = with_hint;
		open_ends(e);
		talk(e);
		assert_true(e->challenged >= 1);
		assert_string_equal(e->hint, "take me");
		free_ends(e);
	}
}

/* --- who we are --- */

static void a_server_chooses_by_name(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);
		struct last_error last;

		e->server = with_challenge;
		e->shown = leaf_id;
		open_ends(e);
		talk(e);
		assert_int_equal(e->challenged, 1);
		assert_string_equal(e->seen_name, "example.test");
		free_ends(e);

		e = new_ends(udp);
		e->server = with_challenge;
		e->shown = other_id;
		expect_error(e, &last);
		assert_int_equal(last.code, -9843);
		free_ends(e);
	}
}

static void require_clients(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_peer_authentication_required(o, true);
}

static void show_client(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_set_local_identity(o, (sec_identity_t)client_id);
}

static void only_12(struct ends *e, sec_protocol_options_t o)
{
	with_challenge(e, o);
	sec_protocol_options_set_max_tls_protocol_version(o, tls_protocol_version_TLSv12);
}

static void count_certificates(void *context, sec_certificate_t certificate)
{
	assert_non_null(certificate);
	++*(int *)context;
}

static void clients_show_certificates(void **state)
{
	void (*clients[])(
		struct ends *, sec_protocol_options_t) = { show_client, with_challenge, only_12 };

	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		for (size_t i = 0; i < BRI_LEN(clients); i++) {
			struct ends *e = new_ends(udp);
			sec_protocol_metadata_t md;
			int n = 0;

			e->client = clients[i];
			e->shown = client_id;
			e->server = require_clients;
			open_ends(e);
			talk(e);
			md = metadata_of(e->s);
			assert_true(sec_protocol_metadata_access_peer_certificate_chain_f(
				md, &n, count_certificates));
			assert_int_equal(n, 2);
			assert_int_equal(e->challenged, i > 0);
			sec_release(md);
			free_ends(e);
		}
	}
}

static void clients_without_certificates_are_refused(void **state)
{
	struct ends *e = new_ends(false);

	(void)state;
	e->server = require_clients;
	open_ends(e);
	await_first(&e->sr, "failed");
	free_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_trust),
		cmocka_unit_test(the_handler_is_authoritative),
		cmocka_unit_test(late_verdict),
		cmocka_unit_test(verdict_after_the_end),
		cmocka_unit_test(pre_shared_keys),
		cmocka_unit_test(chosen_keys),
		cmocka_unit_test(a_server_chooses_by_name),
		cmocka_unit_test(clients_show_certificates),
		cmocka_unit_test(clients_without_certificates_are_refused),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}

/*
 * What is known of TLS and DTLS on connections, over loopback: metadata, sessions that are resumed
 * and those that are not.
 */
#include "tls_connection_util.h"

#include "api/sec_metadata.h"
#include "api/tls_cache.h"

/* --- what is known --- */

static void with_alpn(struct ends *e, sec_protocol_options_t o)
{
	(void)e;
	sec_protocol_options_add_tls_application_protocol(o, "h3");
	sec_protocol_options_add_tls_application_protocol(o, "h2");
}

static void metadata(void **state)
{
	(void)state;
	for (int udp = 0; udp < 2; udp++) {
		struct ends *e = new_ends(udp);
		sec_protocol_metadata_t c, s;
		dispatch_data_t a, b, key;
		const void *bytes_a, *bytes_b;
		dispatch_data_t map_a, map_b;
		const char *copy;

		e->client = e->server = with_alpn;
		open_ends(e);
		talk(e);
		c = metadata_of(e->c);
		s = metadata_of(e->s);
		assert_string_equal(sec_protocol_metadata_get_negotiated_protocol(c), "h3");
		assert_string_equal(sec_protocol_metadata_get_negotiated_protocol(s), "h3");
		copy = sec_protocol_metadata_copy_negotiated_protocol(c);
		assert_string_equal(copy, "h3");
		free((void *)(uintptr_t)copy);
		assert_int_equal(sec_protocol_metadata_get_negotiated_tls_protocol_version(c),
			udp ? tls_protocol_version_DTLSv12 : tls_protocol_version_TLSv13);
		assert_int_equal(sec_protocol_metadata_get_negotiated_protocol_version(s),
			udp ? kDTLSProtocol12 : kTLSProtocol13);
		assert_string_equal(sec_protocol_metadata_get_server_name(s), "example.test");
		assert_string_equal(sec_protocol_metadata_get_server_name(c), "example.test");
		assert_false(sec_protocol_metadata_get_early_data_accepted(c));
		key = sec_protocol_metadata_copy_peer_public_key(c);
		assert_true(dispatch_data_get_size(key) > 64);
		dispatch_release(key);
		assert_null(sec_protocol_metadata_copy_peer_public_key(s));
		assert_true(sec_protocol_metadata_peers_are_equal(c, c));
		assert_false(sec_protocol_metadata_peers_are_equal(c, s));
		assert_false(sec_protocol_metadata_peers_are_equal(s, s)); /* nobody */
		a = sec_protocol_metadata_create_secret(c, 5, "label", 32);
		b = sec_protocol_metadata_create_secret(s, 5, "label", 32);
		map_a = dispatch_data_create_map(a, &bytes_a, NULL);
		map_b = dispatch_data_create_map(b, &bytes_b, NULL);
		assert_memory_equal(bytes_a, bytes_b, 32);
		dispatch_release(map_a);
		dispatch_release(map_b);
		dispatch_release(a);
		dispatch_release(b);
		close_ends(e);
		/* what was retained stays, the exporter included */
		a = sec_protocol_metadata_create_secret_with_context(
			c, 5, "label", 2, (const uint8_t *)"xy", 16);
		assert_int_equal(dispatch_data_get_size(a), 16);
		dispatch_release(a);
		sec_release(c);
		sec_release(s);
		free_ends(e);
	}
}

/* --- sessions --- */

static void verify_12(struct ends *e, sec_protocol_options_t o)
{
	with_verify(e, o);
	sec_protocol_options_set_max_tls_protocol_version(o, tls_protocol_version_TLSv12);
}

static void without_tickets(struct ends *e, sec_protocol_options_t o)
{
	with_verify(e, o);
	sec_protocol_options_set_tls_resumption_enabled(o, false);
}

static bool was_resumed(struct ends *e)
{
	sec_protocol_metadata_t md = metadata_of(e->c);
	bool resumed = bri_tls_resumed(md->tls);

	sec_release(md);
	return resumed;
}

/* the same server, the same options: the second connection resumes, the application judges again */
static void resumption(void **state)
{
	static const struct {
		void (*client)(struct ends *e, sec_protocol_options_t o);
		bool udp, resumes;
	} cases[] = {
		{ with_verify, false, true },
		{ verify_12, false, true },
		{ with_verify, true, true },
		{ without_tickets, false, false },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		struct ends *e = new_ends(cases[i].udp);

		bri_tls_cache_clear();
		e->client = cases[i].client;
		open_ends(e);
		talk(e);
		assert_false(was_resumed(e));
		close_ends(e);
		open_client(e);
		start_server(e, 1);
		talk(e);
		assert_int_equal(was_resumed(e), cases[i].resumes);
		assert_int_equal(e->verified, 2);
		close_ends(e);
		/* another offer is another session */
		if (cases[i].resumes) {
			e->client = with_alpn;
			open_client(e);
			start_server(e, 2);
			talk(e);
			assert_false(was_resumed(e));
		}
		free_ends(e);
	}
}

static void connect_with(struct ends *e, nw_privacy_context_t privacy, bool *ret_resumed)
{
	nw_parameters_t p = client_parameters(e);

	nw_parameters_set_privacy_context(p, privacy);
	e->c = new_client(&e->r, e->queue, p, e->port);
	nw_release(p);
	nw_connection_start(e->c);
	start_server(e, e->n_accepted++);
	talk(e);
	*ret_resumed = was_resumed(e);
	close_ends(e);
}

static void privacy_contexts_share_nothing(void **state)
{
	struct ends *e = new_ends(false);
	nw_privacy_context_t one = nw_privacy_context_create("one");
	nw_privacy_context_t two = nw_privacy_context_create("two");
	bool resumed;

	(void)state;
	bri_tls_cache_clear();
	open_listener(e);
	connect_with(e, one, &resumed);
	assert_false(resumed);
	connect_with(e, one, &resumed);
	assert_true(resumed);
	connect_with(e, two, &resumed);
	assert_false(resumed);
	nw_privacy_context_flush_cache(one);
	connect_with(e, one, &resumed);
	assert_false(resumed);
	nw_release(one);
	nw_release(two);
	free_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata),
		cmocka_unit_test(resumption),
		cmocka_unit_test(privacy_contexts_share_nothing),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}

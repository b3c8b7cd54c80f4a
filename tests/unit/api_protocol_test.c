/* Definitions, options and metadata of tcp, udp and ip. */
#include "api_test_util.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "api/ip_options.h"
#include "api/tcp_options.h"
#include "api/udp_options.h"

static void definitions_are_singletons(void **state)
{
	nw_protocol_definition_t tcp = nw_protocol_copy_tcp_definition();
	nw_protocol_definition_t udp = nw_protocol_copy_udp_definition();
	nw_protocol_definition_t ip = nw_protocol_copy_ip_definition();

	(void)state;
	assert_ptr_equal(tcp, nw_protocol_copy_tcp_definition());
	assert_ptr_equal(udp, nw_protocol_copy_udp_definition());
	assert_ptr_equal(ip, nw_protocol_copy_ip_definition());
	assert_true(nw_protocol_definition_is_equal(tcp, tcp));
	assert_false(nw_protocol_definition_is_equal(tcp, udp));
	assert_false(nw_protocol_definition_is_equal(udp, ip));
	nw_release(tcp);
	nw_release(udp);
	nw_release(ip);
	assert_quiet();
	assert_false(nw_protocol_definition_is_equal(NULL, NULL));
	assert_logged("NULL");
	assert_false(nw_protocol_definition_is_equal(tcp, NULL));
	assert_logged("NULL");
}

static void options_and_metadata_name_their_definition(void **state)
{
	nw_protocol_options_t tcp = nw_tcp_create_options(), udp = nw_udp_create_options();
	nw_protocol_metadata_t ip = nw_ip_create_metadata(), mudp = nw_udp_create_metadata();

	(void)state;
	assert_ptr_equal(nw_protocol_options_copy_definition(tcp), &bri_protocol_tcp);
	assert_ptr_equal(nw_protocol_options_copy_definition(udp), &bri_protocol_udp);
	assert_ptr_equal(nw_protocol_metadata_copy_definition(ip), &bri_protocol_ip);
	assert_ptr_equal(nw_protocol_metadata_copy_definition(mudp), &bri_protocol_udp);
	nw_release(tcp);
	nw_release(udp);
	nw_release(ip);
	nw_release(mudp);
	assert_quiet();
}

/* is_tcp and the others are about metadata: false for options, quietly */
static void metadata_kinds(void **state)
{
	nw_protocol_metadata_t ip = nw_ip_create_metadata(), udp = nw_udp_create_metadata();
	nw_protocol_metadata_t tcp = bri_tcp_metadata_new(NULL, NULL);
	nw_protocol_options_t options = nw_tcp_create_options();
	void *as_metadata = options;

	(void)state;
	assert_true(nw_protocol_metadata_is_ip(ip));
	assert_false(nw_protocol_metadata_is_ip(udp));
	assert_true(nw_protocol_metadata_is_udp(udp));
	assert_false(nw_protocol_metadata_is_udp(tcp));
	assert_true(nw_protocol_metadata_is_tcp(tcp));
	assert_false(nw_protocol_metadata_is_tcp(ip));
	assert_false(nw_protocol_metadata_is_tcp(as_metadata));
	assert_false(nw_protocol_metadata_is_udp(NULL));
	nw_release(ip);
	nw_release(udp);
	nw_release(tcp);
	nw_release(options);
	assert_quiet();
}

static void tcp_options_default_to_the_systems(void **state)
{
	nw_protocol_options_t opts = nw_tcp_create_options();
	const struct bri_tcp_options *tcp = (const void *)opts;

	(void)state;
	assert_false(tcp->no_delay || tcp->no_push || tcp->no_options || tcp->enable_keepalive ||
		     tcp->retransmit_fin_drop || tcp->disable_ack_stretching ||
		     tcp->enable_fast_open || tcp->disable_ecn);
	assert_int_equal(
		tcp->keepalive_count | tcp->keepalive_idle_s | tcp->keepalive_interval_s, 0);
	assert_int_equal(tcp->maximum_segment_size | tcp->connection_timeout_s, 0);
	assert_int_equal(tcp->persist_timeout_s | tcp->retransmit_connection_drop_s, 0);
	assert_int_equal(tcp->multipath_force_version, nw_multipath_version_unspecified);
	nw_release(opts);
}

static void tcp_options_are_kept_each_in_its_place(void **state)
{
	nw_protocol_options_t opts = nw_tcp_create_options(), copy;
	const struct bri_tcp_options *tcp;

	(void)state;
	nw_tcp_options_set_keepalive_count(opts, 1);
	nw_tcp_options_set_keepalive_idle_time(opts, 2);
	nw_tcp_options_set_keepalive_interval(opts, 3);
	nw_tcp_options_set_maximum_segment_size(opts, 4);
	nw_tcp_options_set_connection_timeout(opts, 5);
	nw_tcp_options_set_persist_timeout(opts, 6);
	nw_tcp_options_set_retransmit_connection_drop_time(opts, UINT32_MAX);
	nw_tcp_options_set_multipath_force_version(opts, nw_multipath_version_1);
	copy = bri_protocol_options_copy(opts);
	nw_tcp_options_set_keepalive_count(opts, 0);
	nw_release(opts);
	tcp = (const void *)copy;
	assert_int_equal(tcp->keepalive_count, 1);
	assert_int_equal(tcp->keepalive_idle_s, 2);
	assert_int_equal(tcp->keepalive_interval_s, 3);
	assert_int_equal(tcp->maximum_segment_size, 4);
	assert_int_equal(tcp->connection_timeout_s, 5);
	assert_int_equal(tcp->persist_timeout_s, 6);
	assert_int_equal(tcp->retransmit_connection_drop_s, UINT32_MAX);
	assert_int_equal(tcp->multipath_force_version, nw_multipath_version_1);
	nw_release(copy);
	assert_quiet();
}

/* each setter changes its own flag and no other */
static void tcp_flags(void **state)
{
	static const struct {
		void (*set)(nw_protocol_options_t options, bool value);
		size_t offset;
	} flags[] = {
		{ nw_tcp_options_set_no_delay, offsetof(struct bri_tcp_options, no_delay) },
		{ nw_tcp_options_set_no_push, offsetof(struct bri_tcp_options, no_push) },
		{ nw_tcp_options_set_no_options, offsetof(struct bri_tcp_options, no_options) },
		{ nw_tcp_options_set_enable_keepalive,
			offsetof(struct bri_tcp_options, enable_keepalive) },
		{ nw_tcp_options_set_retransmit_fin_drop,
			offsetof(struct bri_tcp_options, retransmit_fin_drop) },
		{ nw_tcp_options_set_disable_ack_stretching,
			offsetof(struct bri_tcp_options, disable_ack_stretching) },
		{ nw_tcp_options_set_enable_fast_open,
			offsetof(struct bri_tcp_options, enable_fast_open) },
		{ nw_tcp_options_set_disable_ecn, offsetof(struct bri_tcp_options, disable_ecn) },
	};
	nw_protocol_options_t opts = nw_tcp_create_options();

	(void)state;
	for (size_t i = 0; i < BRI_LEN(flags); i++) {
		flags[i].set(opts, true);
		for (size_t j = 0; j < BRI_LEN(flags); j++)
			assert_int_equal(*(bool *)((char *)opts + flags[j].offset), i == j);
		flags[i].set(opts, false);
	}
	nw_release(opts);
}

static void unknown_enumerators_change_nothing(void **state)
{
	nw_protocol_options_t tcp = nw_tcp_create_options();
	nw_protocol_options_t ip = bri_protocol_options_new(&bri_protocol_ip);
	nw_protocol_metadata_t md = nw_ip_create_metadata();
	unsigned bad = 77; /* no enumerator; through a variable, as a program would */

	(void)state;
	nw_tcp_options_set_multipath_force_version(tcp, (nw_multipath_version_t)bad);
	assert_logged("version 77");
	assert_int_equal(((struct bri_tcp_options *)tcp)->multipath_force_version,
		nw_multipath_version_unspecified);
	nw_ip_options_set_version(ip, nw_ip_version_6);
	nw_ip_options_set_version(ip, (nw_ip_version_t)bad);
	assert_logged("version 77");
	assert_int_equal(((struct bri_ip_options *)ip)->version, nw_ip_version_6);
	nw_ip_options_set_local_address_preference(ip, (nw_ip_local_address_preference_t)bad);
	assert_logged("preference");
	nw_ip_metadata_set_ecn_flag(md, (nw_ip_ecn_flag_t)bad);
	assert_logged("ECN");
	nw_ip_metadata_set_service_class(md, (nw_service_class_t)bad);
	assert_logged("service class");
	nw_release(tcp);
	nw_release(ip);
	nw_release(md);
}

static void options_of_another_protocol_are_refused(void **state)
{
	nw_protocol_options_t tcp = nw_tcp_create_options(), udp = nw_udp_create_options();

	(void)state;
	nw_tcp_options_set_no_delay(udp, true);
	assert_logged("options of udp, not of tcp");
	nw_udp_options_set_prefer_no_checksum(tcp, true);
	assert_logged("options of tcp, not of udp");
	nw_ip_options_set_hop_limit(tcp, 9);
	assert_logged("options of tcp, not of ip");
	assert_false(((struct bri_udp_options *)udp)->prefer_no_checksum);
	assert_false(((struct bri_tcp_options *)tcp)->no_delay);
	nw_release(tcp);
	nw_release(udp);
}

static void udp_options_are_kept(void **state)
{
	nw_protocol_options_t opts = nw_udp_create_options();

	(void)state;
	assert_false(((struct bri_udp_options *)opts)->prefer_no_checksum);
	nw_udp_options_set_prefer_no_checksum(opts, true);
	assert_true(((struct bri_udp_options *)opts)->prefer_no_checksum);
	nw_release(opts);
}

static void ip_options_are_kept(void **state)
{
	nw_protocol_options_t opts = bri_protocol_options_new(&bri_protocol_ip);
	const struct bri_ip_options *ip = (const void *)opts;

	(void)state;
	assert_int_equal(ip->version, nw_ip_version_any);
	assert_int_equal(ip->hop_limit, 0);
	assert_false(ip->use_minimum_mtu || ip->disable_fragmentation ||
		     ip->calculate_receive_time || ip->disable_multicast_loopback);
	nw_ip_options_set_version(opts, nw_ip_version_4);
	nw_ip_options_set_hop_limit(opts, 255);
	nw_ip_options_set_use_minimum_mtu(opts, true);
	assert_false(ip->disable_fragmentation);
	nw_ip_options_set_disable_fragmentation(opts, true);
	assert_false(ip->calculate_receive_time);
	nw_ip_options_set_calculate_receive_time(opts, true);
	assert_false(ip->disable_multicast_loopback);
	nw_ip_options_set_disable_multicast_loopback(opts, true);
	nw_ip_options_set_local_address_preference(opts, nw_ip_local_address_preference_stable);
	assert_int_equal(ip->version, nw_ip_version_4);
	assert_int_equal(ip->hop_limit, 255);
	assert_true(ip->use_minimum_mtu && ip->disable_fragmentation &&
		    ip->calculate_receive_time && ip->disable_multicast_loopback);
	assert_int_equal(ip->local_address_preference, nw_ip_local_address_preference_stable);
	nw_release(opts);
	assert_quiet();
}

static void ip_metadata_is_kept(void **state)
{
	nw_protocol_metadata_t md = nw_ip_create_metadata();

	(void)state;
	assert_int_equal(nw_ip_metadata_get_ecn_flag(md), nw_ip_ecn_flag_non_ect);
	assert_int_equal(nw_ip_metadata_get_service_class(md), nw_service_class_best_effort);
	assert_int_equal(nw_ip_metadata_get_receive_time(md), 0);
	for (unsigned ecn = 0; ecn < 4; ecn++) {
		nw_ip_metadata_set_ecn_flag(md, (nw_ip_ecn_flag_t)ecn);
		assert_int_equal(nw_ip_metadata_get_ecn_flag(md), ecn);
	}
	nw_ip_metadata_set_service_class(md, nw_service_class_signaling);
	assert_int_equal(nw_ip_metadata_get_service_class(md), nw_service_class_signaling);
	nw_release(md);
	md = bri_ip_metadata_new(nw_ip_ecn_flag_ce, nw_service_class_background, 123456789);
	assert_int_equal(nw_ip_metadata_get_ecn_flag(md), nw_ip_ecn_flag_ce);
	assert_int_equal(nw_ip_metadata_get_service_class(md), nw_service_class_background);
	assert_int_equal(nw_ip_metadata_get_receive_time(md), 123456789);
	nw_release(md);
	assert_quiet();
	/* the wire's bits (RFC 3168, section 5) */
	assert_int_equal(nw_ip_ecn_flag_ect_1, 1);
	assert_int_equal(nw_ip_ecn_flag_ect_0, 2);
	assert_int_equal(nw_ip_ecn_flag_ce, 3);
}

/* a connection that answers */
struct fake {
	uint32_t rx, tx;
	uint64_t rate;
	int r;
};

static int answer(void *context, enum bri_tcp_query what, uint64_t value, uint32_t *ret)
{
	struct fake *fake = context;

	if (fake->r)
		return fake->r;
	switch (what) {
	case BRI_TCP_QUERY_RX_BYTES: *ret = fake->rx; break;
	case BRI_TCP_QUERY_TX_BYTES: *ret = fake->tx; break;
	case BRI_TCP_SET_PACING_RATE: fake->rate = value; break;
	}
	return 0;
}

static void tcp_metadata_asks_the_connection_while_it_lives(void **state)
{
	struct fake fake = { .rx = 11, .tx = 22 };
	nw_protocol_metadata_t md = bri_tcp_metadata_new(&fake, answer);

	(void)state;
	assert_int_equal(nw_tcp_get_available_receive_buffer(md), 11);
	assert_int_equal(nw_tcp_get_available_send_buffer(md), 22);
	assert_int_equal(nw_tcp_set_max_pacing_rate(md, 1000000), 0);
	assert_int_equal(fake.rate, 1000000);
	fake.r = -EOPNOTSUPP; /* as over MPTCP */
	assert_int_equal(nw_tcp_set_max_pacing_rate(md, 1), EOPNOTSUPP);
	assert_int_equal(nw_tcp_get_available_receive_buffer(md), 0);
	fake.r = 0;
	bri_tcp_metadata_detach(md);
	assert_int_equal(nw_tcp_get_available_receive_buffer(md), 0);
	assert_int_equal(nw_tcp_get_available_send_buffer(md), 0);
	assert_int_equal(nw_tcp_set_max_pacing_rate(md, 1), ENOTCONN);
	assert_int_equal(fake.rate, 1000000);
	nw_release(md);
	assert_quiet();
}

static void tcp_questions_to_other_metadata(void **state)
{
	nw_protocol_metadata_t udp = nw_udp_create_metadata();

	(void)state;
	assert_int_equal(nw_tcp_get_available_receive_buffer(udp), 0);
	assert_logged("metadata of udp, not of tcp");
	assert_int_equal(nw_tcp_get_available_send_buffer(NULL), 0);
	assert_logged("NULL");
	assert_int_equal(nw_tcp_set_max_pacing_rate(udp, 1), EINVAL);
	assert_logged("metadata of udp");
	nw_release(udp);
}

static void *ask_often(void *md)
{
	for (int i = 0; i < 2000; i++)
		(void)nw_tcp_get_available_receive_buffer(md);
	return NULL;
}

/* the connection ends, and its memory goes, while the application asks from another thread */
static void detach_races_with_questions(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct fake *fake = calloc(1, sizeof(*fake));
		nw_protocol_metadata_t md = bri_tcp_metadata_new(fake, answer);
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, ask_often, md), 0);
		bri_tcp_metadata_detach(md);
		free(fake);
		pthread_join(thread, NULL);
		nw_release(md);
	}
}

static int finis;

static void count_options(nw_protocol_options_t opts)
{
	(void)opts;
	finis++;
}

static void count_metadata(nw_protocol_metadata_t md)
{
	(void)md;
	finis += 10;
}

static int refuse_options(nw_protocol_options_t opts)
{
	(void)opts;
	return -ENOMEM;
}

static int refuse_metadata(nw_protocol_metadata_t md)
{
	(void)md;
	return -ENOMEM;
}

/* what a protocol's own hooks make is given back once; what they could not make is not */
static void hooks_of_a_protocol(void **state)
{
	struct nw_protocol_definition own = {
		.base = BRI_PROTOCOL_STATIC,
		.identifier = "own",
		.options_size = sizeof(struct nw_protocol_options),
		.options_fini = count_options,
		.metadata_size = sizeof(struct nw_protocol_metadata),
		.metadata_fini = count_metadata,
	};
	struct nw_protocol_definition none = { .base = BRI_PROTOCOL_STATIC };

	(void)state;
	nw_release(bri_protocol_options_new(&own));
	assert_int_equal(finis, 1);
	nw_release(bri_protocol_metadata_new(&own));
	assert_int_equal(finis, 11);
	own.options_init = refuse_options;
	own.metadata_init = refuse_metadata;
	assert_null(bri_protocol_options_new(&own));
	assert_null(bri_protocol_metadata_new(&own));
	assert_int_equal(finis, 11);
	assert_null(bri_protocol_options_new(&none));
	assert_null(bri_protocol_metadata_new(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(definitions_are_singletons),
		cmocka_unit_test(options_and_metadata_name_their_definition),
		cmocka_unit_test(metadata_kinds),
		cmocka_unit_test(tcp_options_default_to_the_systems),
		cmocka_unit_test(tcp_options_are_kept_each_in_its_place),
		cmocka_unit_test(tcp_flags),
		cmocka_unit_test(unknown_enumerators_change_nothing),
		cmocka_unit_test(options_of_another_protocol_are_refused),
		cmocka_unit_test(udp_options_are_kept),
		cmocka_unit_test(ip_options_are_kept),
		cmocka_unit_test(ip_metadata_is_kept),
		cmocka_unit_test(tcp_metadata_asks_the_connection_while_it_lives),
		cmocka_unit_test(tcp_questions_to_other_metadata),
		cmocka_unit_test(detach_races_with_questions),
		cmocka_unit_test(hooks_of_a_protocol),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}

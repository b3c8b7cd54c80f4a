/*
 * Proxy configurations and relays as objects: what they take, keep, refuse and forget, limits, want
 * of memory; and which ways they give to a host.
 */
#include "api_test_util.h"

#include <errno.h>
#include <stdlib.h>
#include "api/endpoint.h"
#include "api/proxy_choose.h"
#include "api/proxy_config.h"
#include "api/tcp_options.h"
#include "malloc_util.h"

static struct nw_protocol_definition upper = {
	.base = BRI_PROTOCOL_STATIC,
	.identifier = "upper",
	.levels = BRI_PROTOCOL_APPLICATION,
	.options_size = sizeof(struct nw_protocol_options),
};

static nw_endpoint_t endpoint; /* of a proxy */

static int make_endpoint(void **state)
{
	endpoint = nw_endpoint_create_host("proxy.example", "1080");
	return log_setup(state);
}

static int drop_endpoint(void **state)
{
	(void)state;
	assert_int_equal(ref_count(endpoint), 1); /* nobody has kept it */
	nw_release(endpoint);
	return 0;
}

static nw_proxy_config_t socks(void)
{
	return nw_proxy_config_create_socksv5(endpoint);
}

static nw_proxy_config_t http(void)
{
	return nw_proxy_config_create_http_connect(endpoint, NULL);
}

/* --- objects --- */

static void endpoints_and_options(void **state)
{
	nw_endpoint_t url = nw_endpoint_create_url("https://proxy.example");
	nw_endpoint_t service = nw_endpoint_create_bonjour_service("n", "_a._tcp", "local");
	nw_protocol_options_t tls = bri_protocol_options_new(&upper);
	nw_protocol_options_t tcp = nw_tcp_create_options();
	nw_proxy_config_t p;

	(void)state;
	p = socks();
	assert_false(nw_proxy_config_get_failover_allowed(p));
	nw_proxy_config_set_failover_allowed(p, true);
	assert_true(nw_proxy_config_get_failover_allowed(p));
	nw_release(p);
	p = nw_proxy_config_create_http_connect(url, tls);
	assert_non_null(p);
	assert_int_equal(ref_count(tls), 2);
	nw_release(p);
	assert_int_equal(ref_count(tls), 1);
	assert_quiet();
	assert_null(nw_proxy_config_create_socksv5(service));
	assert_logged("nw_proxy_config_create_socksv5");
	assert_null(nw_proxy_config_create_http_connect(service, NULL));
	assert_logged("nw_proxy_config_create_http_connect");
	assert_null(nw_proxy_config_create_http_connect(url, tcp));
	assert_logged("options of tcp");
	assert_null(nw_proxy_config_create_http_connect(url, (void *)url));
	assert_logged("nw_proxy_config_create_http_connect");
	nw_release(url);
	nw_release(service);
	nw_release(tls);
	nw_release(tcp);
}

static void relays(void **state)
{
	static const uint8_t key[] = { 1, 2, 3 };
	nw_relay_hop_t hop = nw_relay_hop_create(endpoint, NULL, NULL), second;
	nw_protocol_options_t tls = bri_protocol_options_new(&upper);
	nw_proxy_config_t p;

	(void)state;
	second = nw_relay_hop_create(NULL, endpoint, tls);
	p = nw_proxy_config_create_relay(hop, second);
	assert_non_null(p);
	nw_proxy_config_set_username_and_password(p, "u", "p");
	nw_release(p);
	p = nw_proxy_config_create_relay(hop, NULL);
	assert_non_null(p);
	nw_release(p);
	p = nw_proxy_config_create_oblivious_http(hop, "/path", key, sizeof(key));
	assert_non_null(p);
	assert_int_equal(p->key_config_size, 3);
	assert_memory_equal(p->key_config, key, 3);
	nw_release(p);
	assert_quiet();
	assert_null(nw_relay_hop_create(NULL, NULL, NULL));
	assert_logged("nw_relay_hop_create");
	assert_null(nw_relay_hop_create(endpoint, (void *)hop, NULL));
	assert_logged("nw_relay_hop_create");
	assert_null(nw_relay_hop_create(endpoint, NULL, (void *)hop));
	assert_logged("nw_relay_hop_create");
	assert_null(nw_proxy_config_create_relay(hop, (void *)endpoint));
	assert_logged("nw_proxy_config_create_relay");
	assert_null(nw_proxy_config_create_oblivious_http(hop, NULL, key, 3));
	assert_logged("nw_proxy_config_create_oblivious_http");
	assert_null(nw_proxy_config_create_oblivious_http(hop, "", key, 3));
	assert_logged("nw_proxy_config_create_oblivious_http");
	assert_null(nw_proxy_config_create_oblivious_http(hop, "/", NULL, 3));
	assert_logged("nw_proxy_config_create_oblivious_http");
	assert_null(nw_proxy_config_create_oblivious_http(hop, "/", key, 0));
	assert_logged("nw_proxy_config_create_oblivious_http");
	assert_null(nw_proxy_config_create_oblivious_http(hop, "/", key, 65536));
	assert_logged("nw_proxy_config_create_oblivious_http");
	nw_release(second);
	nw_release(hop);
	nw_release(tls);
}

static void relay_fields(void **state)
{
	static const char *const bad[][2] = { { "", "v" }, { "a b", "v" }, { "a:", "v" },
		{ "a", "v\r\nx: y" }, { "a", "\x01" }, { "a", "\x7f" }, { NULL, "v" },
		{ "a", NULL } };
	nw_relay_hop_t hop = nw_relay_hop_create(endpoint, NULL, NULL);
	char long_value[BRI_RELAY_HOP_FIELD_SIZE_MAX + 1];

	(void)state;
	nw_relay_hop_add_additional_http_header_field(hop, "X-Token", "a b\tc\xc3\xa9");
	nw_relay_hop_add_additional_http_header_field(hop, "empty", "");
	assert_quiet();
	assert_int_equal(hop->n_fields, 2);
	assert_string_equal(hop->fields[0], "X-Token: a b\tc\xc3\xa9");
	for (size_t i = 0; i < BRI_LEN(bad); i++) {
		nw_relay_hop_add_additional_http_header_field(hop, bad[i][0], bad[i][1]);
		assert_logged("not a header field");
	}
	memset(long_value, 'x', sizeof(long_value));
	long_value[BRI_RELAY_HOP_FIELD_SIZE_MAX] = 0;
	nw_relay_hop_add_additional_http_header_field(hop, "a", long_value);
	assert_logged("not a header field");
	nw_relay_hop_add_additional_http_header_field(hop, "a", long_value + 1);
	assert_quiet();
	while (hop->n_fields < BRI_RELAY_HOP_FIELDS_MAX)
		nw_relay_hop_add_additional_http_header_field(hop, "a", "b");
	assert_quiet();
	nw_relay_hop_add_additional_http_header_field(hop, "a", "b");
	assert_logged("at most");
	nw_release(hop);
}

static void credentials(void **state)
{
	char text[2 + 2048];
	nw_proxy_config_t s = socks(), h = http();

	(void)state;
	memset(text, 'x', sizeof(text));
	nw_proxy_config_set_username_and_password(s, "user", NULL);
	assert_string_equal(s->username, "user");
	assert_null(s->password);
	nw_proxy_config_set_username_and_password(s, "user", "a:b");
	assert_string_equal(s->password, "a:b");
	nw_proxy_config_set_username_and_password(s, NULL, "left over");
	assert_null(s->username);
	assert_null(s->password);
	nw_proxy_config_set_username_and_password(s, "us:er", "p");
	nw_proxy_config_set_username_and_password(h, "", "token");
	assert_string_equal(h->username, "");
	assert_quiet();
	/* refused: what was there stays */
	nw_proxy_config_set_username_and_password(s, "", "p");
	assert_logged("cannot carry");
	nw_proxy_config_set_username_and_password(h, "us:er", "p");
	assert_logged("cannot carry");
	nw_proxy_config_set_username_and_password(h, "user", "p\r\n");
	assert_logged("cannot carry");
	text[256] = 0;
	nw_proxy_config_set_username_and_password(s, text, "p");
	assert_logged("cannot carry");
	nw_proxy_config_set_username_and_password(s, "u", text);
	assert_logged("cannot carry");
	nw_proxy_config_set_username_and_password(h, text, "p");
	assert_logged("cannot carry");
	assert_string_equal(s->username, "us:er");
	assert_string_equal(h->password, "token");
	nw_proxy_config_set_username_and_password(s, text + 1, text + 1);
	nw_proxy_config_set_username_and_password(h, text + 1, text);
	assert_quiet();
	text[256] = 'x';
	text[2049] = 0;
	nw_proxy_config_set_username_and_password(h, "u", text);
	assert_logged("cannot carry");
	nw_proxy_config_set_username_and_password(h, "u", text + 1);
	assert_quiet();
	nw_release(s);
	nw_release(h);
}

struct list {
	nw_proxy_config_t config;
	char text[256];
};

static void on_domain(void *context, const char *domain)
{
	struct list *list = context;
	size_t n = strlen(list->text);

	snprintf(list->text + n, sizeof(list->text) - n, "%s ", domain);
	nw_proxy_config_clear_match_domains(list->config);
	nw_proxy_config_add_excluded_domain(list->config, "late.example");
}

static void domains_are_kept_in_order(void **state)
{
	nw_proxy_config_t p = http();
	struct list list = { .config = p };
	char name[BRI_PROXY_DOMAIN_MAX + 2];

	(void)state;
	nw_proxy_config_enumerate_match_domains_f(p, &list, on_domain);
	assert_string_equal(list.text, "");
	strcpy(name, "b.example");
	nw_proxy_config_add_match_domain(p, name);
	name[0] = 'x'; /* it was copied */
	nw_proxy_config_add_match_domain(p, "*.a.example");
	nw_proxy_config_add_match_domain(p, "b.example");
	/* the enumerator changes what is enumerated */
	nw_proxy_config_enumerate_match_domains_f(p, &list, on_domain);
	assert_string_equal(list.text, "b.example *.a.example b.example ");
	list.text[0] = 0;
	nw_proxy_config_enumerate_match_domains_f(p, &list, on_domain);
	assert_string_equal(list.text, "");
	nw_proxy_config_enumerate_excluded_domains_f(p, &list, on_domain);
	assert_string_equal(list.text, "late.example late.example late.example ");
	nw_proxy_config_clear_excluded_domains(p);
	assert_int_equal(p->excluded.n, 0);
	assert_quiet();
	nw_proxy_config_enumerate_match_domains_f(p, &list, NULL);
	assert_logged("nw_proxy_config_enumerate_match_domains_f");
	nw_proxy_config_add_match_domain(p, NULL);
	assert_logged("not a domain");
	nw_proxy_config_add_excluded_domain(p, "");
	assert_logged("not a domain");
	nw_proxy_config_add_match_domain(p, "*.");
	assert_logged("not a domain");
	memset(name, 'x', sizeof(name));
	name[BRI_PROXY_DOMAIN_MAX + 1] = 0;
	nw_proxy_config_add_match_domain(p, name);
	assert_logged("not a domain");
	nw_proxy_config_add_match_domain(p, name + 1);
	while (p->match.n < BRI_PROXY_DOMAINS_MAX)
		nw_proxy_config_add_match_domain(p, "x");
	assert_quiet();
	nw_proxy_config_add_match_domain(p, "x");
	assert_logged("at most");
	nw_release(p);
}

static void snapshots_do_not_change(void **state)
{
	nw_protocol_options_t tls = bri_protocol_options_new(&upper);
	nw_proxy_config_t p = nw_proxy_config_create_http_connect(endpoint, tls), s;

	(void)state;
	nw_proxy_config_set_username_and_password(p, "u", "p");
	nw_proxy_config_add_match_domain(p, "a");
	nw_proxy_config_add_excluded_domain(p, "b");
	nw_proxy_config_set_failover_allowed(p, true);
	s = bri_proxy_config_snapshot(p);
	nw_proxy_config_set_username_and_password(p, NULL, NULL);
	nw_proxy_config_clear_match_domains(p);
	nw_proxy_config_clear_excluded_domains(p);
	nw_proxy_config_set_failover_allowed(p, false);
	assert_ptr_equal(s->endpoint, endpoint);
	assert_ptr_not_equal(s->tls, tls);
	assert_ptr_equal(s->tls->definition, &upper);
	nw_release(p);
	assert_string_equal(s->username, "u");
	assert_string_equal(s->password, "p");
	assert_int_equal(s->match.n, 1);
	assert_string_equal(s->excluded.names[0], "b");
	assert_true(s->failover_allowed);
	bri_object_put(s);
	nw_release(tls);
}

static void contexts_have_up_to_16(void **state)
{
	nw_privacy_context_t context = nw_privacy_context_create("c");
	nw_proxy_config_t got[BRI_PRIVACY_CONTEXT_PROXIES_MAX], p = http();

	(void)state;
	for (int i = 0; i < BRI_PRIVACY_CONTEXT_PROXIES_MAX; i++)
		nw_privacy_context_add_proxy(context, p);
	assert_quiet();
	assert_int_equal(ref_count(p), 1 + BRI_PRIVACY_CONTEXT_PROXIES_MAX);
	nw_privacy_context_add_proxy(context, p);
	assert_logged("at most");
	nw_privacy_context_add_proxy(context, (void *)context);
	assert_logged("nw_privacy_context_add_proxy");
	assert_int_equal(bri_privacy_context_proxies(context, got), BRI_LEN(got));
	for (size_t i = 0; i < BRI_LEN(got); i++)
		bri_object_put(got[i]);
	nw_privacy_context_clear_proxies(context);
	assert_int_equal(ref_count(p), 1);
	assert_int_equal(bri_privacy_context_proxies(context, got), 0);
	nw_privacy_context_add_proxy(context, p);
	nw_release(context);
	assert_int_equal(ref_count(p), 1);
	nw_release(p);
}

/* --- choosing --- */

static void domains_match_at_labels(void **state)
{
	static const struct {
		const char *domain, *host;
		bool match;
	} table[] = {
		{ "example.org", "example.org", true },
		{ "example.org", "a.example.org", true },
		{ "example.org", "a.b.example.org", true },
		{ "Example.ORG", "a.eXample.org", true },
		{ ".example.org", "a.example.org", true },
		{ ".example.org", "example.org", true },
		{ "*.example.org", "a.example.org", true },
		{ "example.org.", "example.org", true },
		{ "example.org", "example.org.", true },
		{ "org", "example.org", true },
		{ "localhost", "localhost", true },
		{ "localhost", "a.localhost", true },
		{ "example.org", "an-example.org", false },
		{ "example.org", "example.org.evil.test", false },
		{ "example.org", "org", false },
		{ "a.example.org", "example.org", false },
		{ "example.org", "", false },
		{ "example.org", ".", false },
		{ ".", "example.org", false },
		{ "x", "example.org", false },
		/* addresses */
		{ "192.0.2.1", "192.0.2.1", true },
		{ "2001:db8::1", "2001:db8:0::0:1", true },
		{ "2001:DB8::1", "2001:db8::1", true },
		{ "0.2.1", "192.0.2.1", false },
		{ "1", "192.0.2.1", false },
		{ "192.0.2.1", "192.0.2.10", false },
		{ "192.0.2.1", "192.0.2.1.example.org", false },
		{ "2001:db8::1", "2001:db8::2", false },
		{ "192.0.2.1", "2001:db8::1", false },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		if (bri_proxy_choose_matches(table[i].domain, table[i].host) != table[i].match)
			fail_msg("%s, %s", table[i].domain, table[i].host);
	}
}

/* Up to three proxies, "a", "b" and "c", as words: a letter, +domain: match, -domain: excluded, !:
 * failover. The ways as letters, "0" being direct. */
static const struct {
	const char *proxies, *host;
	bool prefer_none;
	const char *ways;
} choices[] = {
	{ "", "h", false, "0" },
	{ "", "h", true, "0" },
	{ "a", "h", false, "a" },
	{ "a!", "h", false, "a0" },
	{ "a b", "h", false, "a" },
	{ "a! b", "h", false, "ab" },
	{ "a! b c", "h", false, "ab" },
	{ "a! b! c", "h", false, "abc" },
	{ "a! b! c!", "h", false, "abc0" },
	{ "a b!", "h", false, "a" },
	/* who is not for the host is not there at all */
	{ "a+x", "h", false, "0" },
	{ "a+x", "x", false, "a" },
	{ "a+x", "y.x", false, "a" },
	{ "a+x+h", "h", false, "a" },
	{ "a+x b", "h", false, "b" },
	{ "a+x b!", "h", false, "b0" },
	{ "a+x! b+h!", "x", false, "a0" },
	{ "a-h", "h", false, "0" },
	{ "a-x", "h", false, "a" },
	{ "a-h b", "h", false, "b" },
	{ "a! b-h c", "h", false, "ac" },
	/* excluded wins */
	{ "a+h-h", "h", false, "0" },
	{ "a+x-y.x", "x", false, "a" },
	{ "a+x-y.x", "z.y.x", false, "0" },
	/* nothing is excluded by itself */
	{ "a", "localhost", false, "a" },
	{ "a", "127.0.0.1", false, "a" },
	{ "a", "::1", false, "a" },
	{ "a-localhost", "localhost", false, "0" },
	{ "a-127.0.0.1", "127.0.0.1", false, "0" },
	/* a host that is not known */
	{ "a", "", false, "a" },
	{ "a+x", "", false, "0" },
	{ "a-x", "", false, "a" },
	/* a wish */
	{ "a", "h", true, "a" },
	{ "a!", "h", true, "0a" },
	{ "a! b", "h", true, "ab" },
	{ "a! b!", "h", true, "0ab" },
	{ "a+x", "h", true, "0" },
};

static void add_proxy(nw_privacy_context_t context, const char *word, size_t size)
{
	char name[2] = { word[0], 0 }, domain[32];
	nw_endpoint_t ep = nw_endpoint_create_host(name, "1");
	nw_proxy_config_t p = nw_proxy_config_create_socksv5(ep);

	for (size_t i = 1, n; i < size; i += n + 1) {
		n = strcspn(word + i + 1, "+-! ");
		snprintf(domain, sizeof(domain), "%.*s", (int)n, word + i + 1);
		if (word[i] == '+')
			nw_proxy_config_add_match_domain(p, domain);
		else if (word[i] == '-')
			nw_proxy_config_add_excluded_domain(p, domain);
		else
			nw_proxy_config_set_failover_allowed(p, true);
	}
	nw_privacy_context_add_proxy(context, p);
	nw_release(p);
	nw_release(ep);
}

static nw_parameters_t parameters_with(const char *proxies)
{
	nw_privacy_context_t context = nw_privacy_context_create("c");
	nw_parameters_t parameters = nw_parameters_create();
	size_t n;

	for (const char *word = proxies; *word; word += n + (word[n] == ' ')) {
		n = strcspn(word, " ");
		add_proxy(context, word, n);
	}
	nw_parameters_set_privacy_context(parameters, context);
	nw_release(context);
	return parameters;
}

static void ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(choices); i++) {
		nw_parameters_t parameters = parameters_with(choices[i].proxies);
		struct bri_proxy_ways list;
		char got[BRI_PROXY_WAYS_MAX + 1] = "";

		nw_parameters_set_prefer_no_proxy(parameters, choices[i].prefer_none);
		assert_int_equal(bri_proxy_choose(parameters, choices[i].host, &list), 0);
		for (size_t k = 0; k < list.n; k++)
			got[k] = list.list[k].proxy
					 ? *nw_endpoint_get_hostname(list.list[k].proxy->endpoint)
					 : '0';
		if (strcmp(got, choices[i].ways))
			fail_msg("\"%s\", %s: %s instead of %s", choices[i].proxies,
				choices[i].host, got, choices[i].ways);
		assert_int_equal(bri_proxy_ways_have_proxy(&list), strcmp(got, "0") != 0);
		bri_proxy_ways_clear(&list);
		nw_release(parameters);
	}
	assert_quiet();
}

static void as_many_ways_as_there_can_be(void **state)
{
	nw_parameters_t parameters =
		parameters_with("a! a! a! a! a! a! a! a! a! a! a! a! a! a! a! a!");
	struct bri_proxy_ways list;

	(void)state;
	assert_int_equal(bri_proxy_choose(parameters, "h", &list), 0);
	assert_int_equal(list.n, BRI_PROXY_WAYS_MAX);
	bri_proxy_ways_clear(&list);
	nw_parameters_set_prefer_no_proxy(parameters, true);
	assert_int_equal(bri_proxy_choose(parameters, "h", &list), 0);
	assert_int_equal(list.n, BRI_PROXY_WAYS_MAX);
	assert_null(list.list[0].proxy);
	bri_proxy_ways_clear(&list);
	nw_release(parameters);
}

/* --- want of memory --- */

static void *make_socks(void)
{
	return socks();
}

static void *make_hop(void)
{
	return nw_relay_hop_create(endpoint, NULL, NULL);
}

static void *make_oblivious(void)
{
	nw_relay_hop_t hop = nw_relay_hop_create(endpoint, NULL, NULL);
	void *p = hop ? nw_proxy_config_create_oblivious_http(hop, "/", (const uint8_t *)"k", 1)
		      : NULL;

	nw_release(hop);
	return p;
}

static nw_proxy_config_t full; /* with something of every sort in it */

static void *make_snapshot(void)
{
	nw_proxy_config_t snapshot = bri_proxy_config_snapshot(full);

	if (!snapshot)
		return NULL;
	bri_object_retain(snapshot);
	bri_object_put(snapshot);
	return snapshot;
}

static void constructors_without_memory(void **state)
{
	static const struct {
		void *(*make)(void);
		int min;
	} cases[] = { { make_socks, 1 }, { make_hop, 1 }, { make_oblivious, 4 },
		{ make_snapshot, 9 } };
	nw_protocol_options_t tls = bri_protocol_options_new(&upper);

	(void)state;
	full = nw_proxy_config_create_http_connect(endpoint, tls);
	nw_release(tls);
	nw_proxy_config_set_username_and_password(full, "u", "p");
	nw_proxy_config_add_match_domain(full, "a");
	nw_proxy_config_add_match_domain(full, "b");
	nw_proxy_config_add_excluded_domain(full, "c");
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		int count = 0;
		void *obj;

		for (;;) {
			malloc_fail(count + 1);
			obj = cases[i].make();
			if (!malloc_failed())
				break;
			assert_null(obj);
			count++;
		}
		assert_non_null(obj);
		nw_release(obj);
		if (count < cases[i].min)
			fail_msg("case %zu failed in %d places only", i, count);
	}
	nw_release(full);
}

static void setters_without_memory_change_nothing(void **state)
{
	nw_proxy_config_t p = http();
	nw_relay_hop_t hop = nw_relay_hop_create(endpoint, NULL, NULL);

	(void)state;
	nw_proxy_config_set_username_and_password(p, "u", "p");
	for (int i = 1; i <= 2; i++) {
		malloc_fail(i);
		nw_proxy_config_set_username_and_password(p, "other", "secret");
		assert_true(malloc_failed());
		assert_string_equal(p->username, "u");
		assert_string_equal(p->password, "p");
		malloc_fail(i);
		nw_proxy_config_add_match_domain(p, "d");
		assert_true(malloc_failed());
		assert_logged("no memory");
		assert_int_equal(p->match.n, 0);
	}
	malloc_fail(1);
	nw_relay_hop_add_additional_http_header_field(hop, "a", "b");
	assert_true(malloc_failed());
	assert_int_equal(hop->n_fields, 0);
	nw_release(hop);
	nw_release(p);
}

/* Never a way around a proxy for want of memory. */
static void choosing_without_memory(void **state)
{
	nw_parameters_t parameters = parameters_with("a+h! b+h!");
	struct bri_proxy_ways list;
	int count = 0, error;

	(void)state;
	for (;; count++) {
		malloc_fail(count + 1);
		error = bri_proxy_choose(parameters, "h", &list);
		if (!malloc_failed())
			break;
		assert_int_equal(error, -ENOMEM);
	}
	assert_int_equal(error, 0);
	assert_int_equal(list.n, 3);
	assert_true(count >= 6);
	bri_proxy_ways_clear(&list);
	nw_release(parameters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_and_options),
		cmocka_unit_test(relays),
		cmocka_unit_test(relay_fields),
		cmocka_unit_test(credentials),
		cmocka_unit_test(domains_are_kept_in_order),
		cmocka_unit_test(snapshots_do_not_change),
		cmocka_unit_test(contexts_have_up_to_16),
		cmocka_unit_test(domains_match_at_labels),
		cmocka_unit_test(ways),
		cmocka_unit_test(as_many_ways_as_there_can_be),
		cmocka_unit_test(constructors_without_memory),
		cmocka_unit_test(setters_without_memory_change_nothing),
		cmocka_unit_test(choosing_without_memory),
	};

	return cmocka_run_group_tests(tests, make_endpoint, drop_endpoint);
}

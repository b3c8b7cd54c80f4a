/* nw_endpoint: the four types, what each answers, and what creation refuses. */
#include "api_test_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/un.h>
#include "api/endpoint.h"
#include "api/url.h"

/* what an endpoint should answer; NULL texts are expected to be NULL */
struct expected {
	nw_endpoint_type_t type;
	const char *hostname, *port_string, *address_string, *url, *path;
	uint16_t port;
	int family; /* of get_address; 0: NULL */
};

static void assert_text(const char *text, const char *expected)
{
	if (!expected)
		assert_null(text);
	else if (!text)
		fail_msg("NULL instead of \"%s\"", expected);
	else
		assert_string_equal(text, expected);
}

static void assert_endpoint(nw_endpoint_t ep, const struct expected *e)
{
	char *port, *address;

	assert_non_null(ep);
	port = nw_endpoint_copy_port_string(ep);
	address = nw_endpoint_copy_address_string(ep);
	assert_int_equal(nw_endpoint_get_type(ep), e->type);
	assert_text(nw_endpoint_get_hostname(ep), e->hostname);
	assert_int_equal(nw_endpoint_get_port(ep), e->port);
	assert_text(port, e->port_string);
	assert_text(address, e->address_string);
	assert_text(nw_endpoint_get_url(ep), e->url);
	assert_text(bri_endpoint_url_path(ep), e->path);
	if (e->family)
		assert_int_equal(nw_endpoint_get_address(ep)->sa_family, e->family);
	else
		assert_null(nw_endpoint_get_address(ep));
	free(port);
	free(address);
}

static void hosts(void **state)
{
	static const struct {
		const char *host, *port;
		struct expected e;
	} cases[] = {
		{ "example.org", "443",
			{ nw_endpoint_type_host, "example.org", "443", .port = 443 } },
		{ "example.org", "https",
			{ nw_endpoint_type_host, "example.org", "443", .port = 443 } },
		{ "example.org.", "ssh",
			{ nw_endpoint_type_host, "example.org.", "22", .port = 22 } },
		{ "localhost", "0", { nw_endpoint_type_host, "localhost", "0", .port = 0 } },
		{ "127.1", "80", { nw_endpoint_type_host, "127.1", "80", .port = 80 } },
		{ "1.2.3.4.5", "80", { nw_endpoint_type_host, "1.2.3.4.5", "80", .port = 80 } },
		{ "192.0.2.1", "80",
			{ nw_endpoint_type_address, "192.0.2.1", "80", "192.0.2.1", .port = 80,
				.family = AF_INET } },
		{ "0.0.0.0", "65535",
			{ nw_endpoint_type_address, "0.0.0.0", "65535", "0.0.0.0", .port = 65535,
				.family = AF_INET } },
		{ "::", "0",
			{ nw_endpoint_type_address, "::", "0", "::", .port = 0,
				.family = AF_INET6 } },
		{ "2001:DB8::0:1", "http",
			{ nw_endpoint_type_address, "2001:DB8::0:1", "80", "2001:db8::1",
				.port = 80, .family = AF_INET6 } },
		{ "fe80::1%lo", "7",
			{ nw_endpoint_type_address, "fe80::1%lo", "7", "fe80::1%lo", .port = 7,
				.family = AF_INET6 } },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		nw_endpoint_t ep = nw_endpoint_create_host(cases[i].host, cases[i].port);

		assert_endpoint(ep, &cases[i].e);
		nw_release(ep);
	}
	assert_quiet();
}

static void scope_may_be_a_number(void **state)
{
	nw_endpoint_t ep;
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "fe80::1%%%u", if_nametoindex("lo"));
	ep = nw_endpoint_create_host(text, "7");
	assert_non_null(ep);
	assert_int_equal(((const struct sockaddr_in6 *)(const void *)nw_endpoint_get_address(ep))
				 ->sin6_scope_id,
		if_nametoindex("lo"));
	nw_release(ep);
}

static void hosts_that_are_refused(void **state)
{
	static const struct {
		const char *host, *port, *why;
	} cases[] = {
		{ NULL, "80", "host name is NULL" },
		{ "h", NULL, "port is NULL" },
		{ NULL, NULL, "NULL" },
		{ "", "80", "not a host name" },
		{ "h", "", "neither a port" },
		{ "h", "65536", "neither a port" },
		{ "h", "-1", "neither a port" },
		{ "h", " 80", "neither a port" },
		{ "h", "80 ", "neither a port" },
		{ "h", "no-such-service-here", "neither a port" },
		{ "a b", "80", "not a host name" },
		{ "a\nb", "80", "not a host name" },
		{ "a%b", "80", "not a host name" },
		{ "192.0.2.1%lo", "80", "not a host name" },
		{ "fe80::1%no-such-if", "80", "interface" },
		{ "fe80::1%", "80", "interface" },
		{ "fe80::1%0", "80", "interface" },
		{ "fe80::1%4294967295", "80", "interface" },
		{ "fe80::1%18446744073709551617", "80", "interface" },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		assert_null(nw_endpoint_create_host(cases[i].host, cases[i].port));
		assert_logged(cases[i].why);
	}
}

static void host_and_service_length_limits(void **state)
{
	char name[BRI_URL_HOST_MAX + 2];
	char *huge = malloc(1 << 20);
	nw_endpoint_t ep;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[BRI_URL_HOST_MAX] = 0;
	ep = nw_endpoint_create_host(name, "1");
	assert_string_equal(nw_endpoint_get_hostname(ep), name);
	nw_release(ep);
	name[BRI_URL_HOST_MAX] = 'a';
	name[BRI_URL_HOST_MAX + 1] = 0;
	assert_null(nw_endpoint_create_host(name, "1"));
	assert_logged("not a host name");
	memset(huge, 'a', (1 << 20) - 1);
	huge[(1 << 20) - 1] = 0;
	assert_null(nw_endpoint_create_host("h", huge));
	assert_logged("neither a port");
	assert_null(nw_endpoint_create_host(huge, "1"));
	assert_logged("not a host name");
	assert_null(nw_endpoint_create_url(huge));
	assert_logged("not a URL");
	assert_null(nw_endpoint_create_bonjour_service(huge, "_a._tcp", "local"));
	assert_logged("too long");
	free(huge);
}

static void addresses(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	nw_endpoint_t ep;

	(void)state;
	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	ep = nw_endpoint_create_address((struct sockaddr *)&in);
	assert_endpoint(ep, &(struct expected) { nw_endpoint_type_address, "192.0.2.7", "80",
				    "192.0.2.7", .port = 80, .family = AF_INET });
	assert_memory_equal(nw_endpoint_get_address(ep), &in, sizeof(in));
	nw_release(ep);

	inet_pton(AF_INET6, "fe80::7", &in6.sin6_addr);
	in6.sin6_scope_id = if_nametoindex("lo");
	ep = nw_endpoint_create_address((struct sockaddr *)&in6);
	memset(&in6, 0, sizeof(in6)); /* it was copied */
	assert_endpoint(ep, &(struct expected) { nw_endpoint_type_address, "fe80::7%lo", "443",
				    "fe80::7%lo", .port = 443, .family = AF_INET6 });
	nw_release(ep);
	assert_quiet();
}

static void addresses_that_are_refused(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	/* only the family may be read: it is all there is */
	sa_family_t *family = malloc(sizeof(*family));

	(void)state;
	*family = AF_UNSPEC;
	assert_null(nw_endpoint_create_address(NULL));
	assert_logged("NULL");
	assert_null(nw_endpoint_create_address((struct sockaddr *)&un));
	assert_logged("neither IPv4 nor IPv6");
	assert_null(nw_endpoint_create_address((struct sockaddr *)(void *)family));
	assert_logged("neither IPv4 nor IPv6");
	free(family);
}

static void urls(void **state)
{
	static const struct {
		const char *url;
		struct expected e;
	} cases[] = {
		{ "http://example.org", { .hostname = "example.org", .path = "/", .port = 80 } },
		{ "https://example.org/a?b#c",
			{ .hostname = "example.org", .path = "/a?b", .port = 443 } },
		{ "ftp://example.org:2121/",
			{ .hostname = "example.org", .path = "/", .port = 2121 } },
		{ "ws://example.org?b", { .hostname = "example.org", .path = "/?b", .port = 80 } },
		{ "wss://u:p@[::1]/x", { .hostname = "::1", .path = "/x", .port = 443 } },
		{ "http://[fe80::1%25lo]:81/",
			{ .hostname = "fe80::1%lo", .path = "/", .port = 81 } },
		{ "http://192.0.2.1/", { .hostname = "192.0.2.1", .path = "/", .port = 80 } },
		{ "coap://h/x", { .hostname = "h", .path = "/x", .port = 0 } },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		nw_endpoint_t ep = nw_endpoint_create_url(cases[i].url);
		struct expected e = cases[i].e;

		e.type = nw_endpoint_type_url;
		e.url = cases[i].url;
		assert_endpoint(ep, &e);
		assert_memory_equal(bri_endpoint_url_scheme(ep), cases[i].url,
			strlen(bri_endpoint_url_scheme(ep)));
		nw_release(ep);
	}
	assert_quiet();
}

static void urls_that_are_refused(void **state)
{
	static const char *const cases[] = { "", "example.org", "http://", "http://h:99999",
		"http://[::1", "http://[1:2]/", "http://[fe80::1%25no-such-if]/", "http://a b" };

	(void)state;
	assert_null(nw_endpoint_create_url(NULL));
	assert_logged("NULL");
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		assert_null(nw_endpoint_create_url(cases[i]));
		assert_logged("nw_endpoint_create_url");
	}
}

static void bonjour_services(void **state)
{
	nw_endpoint_t ep = nw_endpoint_create_bonjour_service("My Printer", "_ipp._tcp", "local");

	(void)state;
	assert_endpoint(ep, &(struct expected) { .type = nw_endpoint_type_bonjour_service });
	assert_string_equal(nw_endpoint_get_bonjour_service_name(ep), "My Printer");
	assert_string_equal(nw_endpoint_get_bonjour_service_type(ep), "_ipp._tcp");
	assert_string_equal(nw_endpoint_get_bonjour_service_domain(ep), "local");
	nw_release(ep);
	assert_quiet();
}

static void bonjour_needs_all_three(void **state)
{
	(void)state;
	assert_null(nw_endpoint_create_bonjour_service(NULL, "_a._tcp", "local"));
	assert_logged("the name is missing");
	assert_null(nw_endpoint_create_bonjour_service("n", NULL, "local"));
	assert_logged("the type is missing");
	assert_null(nw_endpoint_create_bonjour_service("n", "_a._tcp", NULL));
	assert_logged("the domain is missing");
	assert_null(nw_endpoint_create_bonjour_service("n", "_a._tcp", ""));
	assert_logged("the domain is missing");
}

/* right object, other type: NULL without a complaint, so that programs may ask and see */
static void getters_of_other_types_are_null_and_quiet(void **state)
{
	nw_endpoint_t ep = nw_endpoint_create_host("h", "1");
	size_t len = 7;

	(void)state;
	assert_null(nw_endpoint_get_bonjour_service_name(ep));
	assert_null(nw_endpoint_get_bonjour_service_type(ep));
	assert_null(nw_endpoint_get_bonjour_service_domain(ep));
	assert_null(nw_endpoint_get_url(ep));
	assert_null(nw_endpoint_get_address(ep));
	assert_null(nw_endpoint_copy_txt_record(ep));
	assert_null(nw_endpoint_get_signature(ep, &len));
	assert_int_equal(len, 0);
	assert_null(nw_endpoint_get_signature(ep, NULL));
	nw_release(ep);
	assert_quiet();
}

static void borrowed_address_is_stable(void **state)
{
	nw_endpoint_t ep = nw_endpoint_create_host("192.0.2.1", "80");
	const struct sockaddr *first = nw_endpoint_get_address(ep);

	(void)state;
	assert_ptr_equal(first, nw_endpoint_get_address(ep));
	assert_ptr_equal(nw_endpoint_get_hostname(ep), nw_endpoint_get_hostname(ep));
	nw_release(ep);
}

static void from_sockaddr_unmaps_and_checks(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_storage out;
	socklen_t len = 0;
	nw_endpoint_t ep;

	(void)state;
	inet_pton(AF_INET6, "::ffff:192.0.2.9", &in6.sin6_addr);
	ep = bri_endpoint_from_sockaddr((struct sockaddr *)&in6, sizeof(in6));
	assert_endpoint(ep, &(struct expected) { nw_endpoint_type_address, "192.0.2.9", "9",
				    "192.0.2.9", .port = 9, .family = AF_INET });
	assert_int_equal(bri_endpoint_sockaddr(ep, &out, &len), 0);
	assert_int_equal(len, sizeof(struct sockaddr_in));
	assert_int_equal(out.ss_family, AF_INET);
	nw_release(ep);
	assert_null(bri_endpoint_from_sockaddr((struct sockaddr *)&in6, sizeof(in6) - 1));
	assert_null(bri_endpoint_from_sockaddr((struct sockaddr *)&in6, 0));
	assert_null(bri_endpoint_from_sockaddr(NULL, 0));
	/* what the application made from a mapped address stays as it was given */
	ep = nw_endpoint_create_address((struct sockaddr *)&in6);
	assert_int_equal(nw_endpoint_get_address(ep)->sa_family, AF_INET6);
	nw_release(ep);
}

static void sockaddr_of_each_type(void **state)
{
	static const struct {
		const char *url;
		int r, family;
	} cases[] = {
		{ "http://192.0.2.1:81/", 0, AF_INET },
		{ "http://[::1]:81/", 0, AF_INET6 },
		{ "http://example.org:81/", -ENOENT, 0 },
	};
	nw_endpoint_t ep;
	struct sockaddr_storage out = { 0 };
	socklen_t len = 0;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		ep = nw_endpoint_create_url(cases[i].url);
		assert_int_equal(bri_endpoint_sockaddr(ep, &out, &len), cases[i].r);
		if (!cases[i].r) {
			assert_int_equal(out.ss_family, cases[i].family);
			assert_int_equal(((struct sockaddr_in *)&out)->sin_port, htons(81));
		}
		nw_release(ep);
	}
	ep = nw_endpoint_create_host("example.org", "81");
	assert_int_equal(bri_endpoint_sockaddr(ep, &out, &len), -ENOENT);
	nw_release(ep);
}

static void descriptions(void **state)
{
	nw_endpoint_t eps[] = {
		nw_endpoint_create_host("example.org", "https"),
		nw_endpoint_create_host("192.0.2.1", "80"),
		nw_endpoint_create_host("::1", "80"),
		nw_endpoint_create_url("http://example.org/x"),
		nw_endpoint_create_bonjour_service("n", "_a._tcp", "local"),
	};
	static const char *const texts[] = { "example.org:443", "192.0.2.1:80", "[::1]:80",
		"http://example.org/x", "n._a._tcp.local" };
	char buf[64], tiny[4];

	(void)state;
	for (size_t i = 0; i < BRI_LEN(eps); i++) {
		assert_string_equal(bri_endpoint_format(eps[i], buf, sizeof(buf)), texts[i]);
		assert_int_equal(strlen(bri_endpoint_format(eps[i], tiny, sizeof(tiny))), 3);
		nw_release(eps[i]);
	}
}

static void *ask_hostname(void *ep)
{
	return (void *)(uintptr_t)nw_endpoint_get_hostname(ep);
}

/* the lazily made text: every thread gets the same one, and none leaks */
static void hostname_from_many_threads(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct sockaddr_in in = { .sin_family = AF_INET };
		nw_endpoint_t ep = nw_endpoint_create_address((struct sockaddr *)&in);
		pthread_t threads[4];
		void *first = NULL, *text;

		for (size_t i = 0; i < BRI_LEN(threads); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, ask_hostname, ep), 0);
		for (size_t i = 0; i < BRI_LEN(threads); i++) {
			pthread_join(threads[i], &text);
			assert_string_equal(text, "0.0.0.0");
			if (i)
				assert_ptr_equal(text, first);
			first = text;
		}
		nw_release(ep);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(scope_may_be_a_number),
		cmocka_unit_test(hosts_that_are_refused),
		cmocka_unit_test(host_and_service_length_limits),
		cmocka_unit_test(addresses),
		cmocka_unit_test(addresses_that_are_refused),
		cmocka_unit_test(urls),
		cmocka_unit_test(urls_that_are_refused),
		cmocka_unit_test(bonjour_services),
		cmocka_unit_test(bonjour_needs_all_three),
		cmocka_unit_test(getters_of_other_types_are_null_and_quiet),
		cmocka_unit_test(borrowed_address_is_stable),
		cmocka_unit_test(from_sockaddr_unmaps_and_checks),
		cmocka_unit_test(sockaddr_of_each_type),
		cmocka_unit_test(descriptions),
		cmocka_unit_test(hostname_from_many_threads),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}

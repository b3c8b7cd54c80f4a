/*
 * Texts that become endpoints: the first line of the input is a host or a URL, the second a port.
 * What is accepted must answer every getter, and its parts must come from the text.
 */
#include <stdlib.h>
#include <string.h>
#include "api/endpoint.h"
#include "api/url.h"

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void ask(nw_endpoint_t ep)
{
	char buf[64];
	char *port, *address;
	nw_endpoint_type_t type = nw_endpoint_get_type(ep);

	port = nw_endpoint_copy_port_string(ep);
	address = nw_endpoint_copy_address_string(ep);
	REQUIRE(nw_endpoint_get_hostname(ep) && *nw_endpoint_get_hostname(ep));
	REQUIRE(strlen(nw_endpoint_get_hostname(ep)) <= BRI_URL_HOST_MAX + 18);
	REQUIRE((type == nw_endpoint_type_address) == !!address);
	REQUIRE((type == nw_endpoint_type_url) == !port);
	REQUIRE((type == nw_endpoint_type_address) == !!nw_endpoint_get_address(ep));
	REQUIRE((type == nw_endpoint_type_url) == !!nw_endpoint_get_url(ep));
	if (type == nw_endpoint_type_url)
		REQUIRE(bri_endpoint_url_path(ep)[0] == '/');
	bri_endpoint_format(ep, buf, sizeof(buf));
	REQUIRE(strlen(buf) < sizeof(buf));
	free(port);
	free(address);
	nw_release(ep);
}

/* every span inside the text, and all of them in order */
static void parse(const char *text, size_t len)
{
	struct bri_url url;

	if (bri_url_parse(text, len, &url))
		return;
	REQUIRE(url.scheme.start == 0 && url.scheme.len > 0);
	REQUIRE(url.host.len > 0 && url.host.start > url.scheme.len);
	REQUIRE(url.host.start + url.host.len <= url.path.start);
	REQUIRE(url.path.start + url.path.len <= len);
	REQUIRE(!url.zone.len || (url.is_ipv6 && url.zone.start + url.zone.len <= url.path.start));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *port;
	nw_endpoint_t ep;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	parse((const char *)data, size);
	port = strchr(text, '\n');
	if (port)
		*port++ = 0;
	ep = nw_endpoint_create_url(text);
	if (ep)
		ask(ep);
	/* names of services are looked up in files: digits only, to stay fast */
	if (port && port[strspn(port, "0123456789")])
		port = NULL;
	ep = nw_endpoint_create_host(text, port ? port : "80");
	if (ep)
		ask(ep);
	free(text);
	return 0;
}

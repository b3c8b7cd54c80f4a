/* nw_endpoint: an address, a host name, a URL or a Bonjour service. Knows nothing of resolving. */
#include "api/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/url.h"
#include "base/log.h"

/* A DNS name in its escaped form, the longest there is in DNS-SD (each of 255 bytes as \ddd). */
#define BONJOUR_TEXT_MAX 1009
/* A service name is at most 15 characters (RFC 6335, 5.1); older registrations are a bit longer. */
#define SERVICE_NAME_MAX 64

static void destroy(struct bri_object *obj)
{
	struct nw_endpoint *ep = (struct nw_endpoint *)obj;

	free(atomic_load_explicit(&ep->address_text, memory_order_acquire));
	free(ep);
}

static const struct bri_class endpoint_class = {
	.name = "nw_endpoint",
	.kind = BRI_KIND_ENDPOINT,
	.destroy = destroy,
};

static struct nw_endpoint *new_endpoint(nw_endpoint_type_t type, size_t text_size)
{
	struct nw_endpoint *ep = bri_object_new(&endpoint_class, sizeof(*ep) + text_size);

	if (ep)
		ep->type = type;
	return ep;
}

/* Appends text to the endpoint's own memory, which the caller sized; returns where it is. */
static const char *keep(struct nw_endpoint *ep, size_t *used, const char *text, size_t len)
{
	char *to = ep->text + *used;

	memcpy(to, text, len);
	to[len] = 0;
	*used += len + 1;
	return to;
}

/* An interface's name or number. 0: there is none. */
static uint32_t parse_scope(const char *text)
{
	uint32_t index = if_nametoindex(text);
	char name[IF_NAMESIZE];
	uint64_t number = 0;

	if (index || !*text || strlen(text) > 10)
		return index;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return 0;
		number = number * 10 + (uint64_t)(*p - '0');
	}
	return number <= UINT32_MAX && if_indextoname((uint32_t)number, name) ? (uint32_t)number
									      : 0;
}

/*
 * The address that `host` is, if it is one: "192.0.2.1", "2001:db8::1", "fe80::1%eth0".
 * Returns 0, -ENOENT: it is a name; -ENXIO: the interface after "%" does not exist.
 */
static int parse_numeric(const char *host, union bri_sockaddr *ret)
{
	union bri_sockaddr addr = { 0 };
	const char *percent = strchr(host, '%');
	size_t len = percent ? (size_t)(percent - host) : strlen(host);
	char plain[INET6_ADDRSTRLEN];

	if (len >= sizeof(plain))
		return -ENOENT;
	memcpy(plain, host, len);
	plain[len] = 0;
	if (!percent && inet_pton(AF_INET, plain, &addr.in.sin_addr) == 1) {
		addr.in.sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, plain, &addr.in6.sin6_addr) == 1) {
		addr.in6.sin6_family = AF_INET6;
		if (percent) {
			addr.in6.sin6_scope_id = parse_scope(percent + 1);
			if (!addr.in6.sin6_scope_id)
				return -ENXIO;
		}
	} else {
		return -ENOENT;
	}
	*ret = addr;
	return 0;
}

/*
 * The services every installation is expected to know, for systems without /etc/services (minimal
 * containers have none).
 */
static int well_known_service(const char *name, uint16_t *ret)
{
	static const struct {
		const char *name;
		uint16_t port;
	} table[] = {
		{ "ftp", 21 },
		{ "ssh", 22 },
		{ "telnet", 23 },
		{ "smtp", 25 },
		{ "domain", 53 },
		{ "http", 80 },
		{ "pop3", 110 },
		{ "ntp", 123 },
		{ "imap2", 143 },
		{ "https", 443 },
		{ "imaps", 993 },
	};

	for (size_t i = 0; i < BRI_LEN(table); i++) {
		if (!strcmp(table[i].name, name)) {
			*ret = table[i].port;
			return 0;
		}
	}
	return -ENOENT;
}

int bri_endpoint_parse_port(const char *text, uint16_t *ret)
{
	struct servent entry, *found = NULL;
	char buf[1024];

	if (!bri_url_parse_port(text, strlen(text), ret))
		return 0;
	if (!*text || strlen(text) > SERVICE_NAME_MAX)
		return -EINVAL;
	if (!getservbyname_r(text, NULL, &entry, buf, sizeof(buf), &found) && found) {
		*ret = ntohs((uint16_t)found->s_port);
		return 0;
	}
	return well_known_service(text, ret);
}

static bool is_host_text(const char *host)
{
	size_t len = strlen(host);

	if (!len || len > BRI_URL_HOST_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)host[i] <= ' ' || host[i] == 0x7f || host[i] == '%')
			return false;
	}
	return true;
}

nw_endpoint_t bri_endpoint_from_addr(const union bri_sockaddr *addr)
{
	struct nw_endpoint *ep;

	if (!bri_sockaddr_len(addr))
		return NULL;
	ep = new_endpoint(nw_endpoint_type_address, 0);
	if (!ep)
		return NULL;
	ep->addr = *addr;
	ep->port = bri_sockaddr_port(addr);
	return ep;
}

nw_endpoint_t bri_endpoint_from_sockaddr(const struct sockaddr *sa, socklen_t len)
{
	union bri_sockaddr addr;

	if (bri_sockaddr_from(sa, len, &addr))
		return NULL;
	bri_sockaddr_unmap(&addr);
	return bri_endpoint_from_addr(&addr);
}

int bri_endpoint_sockaddr(nw_endpoint_t ep, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	socklen_t len = bri_sockaddr_len(&ep->addr);

	if (!len)
		return -ENOENT;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, &ep->addr, len);
	*ret_len = len;
	return 0;
}

const char *bri_endpoint_url_path(nw_endpoint_t ep)
{
	return ep->type == nw_endpoint_type_url ? ep->url.path : NULL;
}

const char *bri_endpoint_url_scheme(nw_endpoint_t ep)
{
	return ep->type == nw_endpoint_type_url ? ep->url.scheme : NULL;
}

char *bri_endpoint_format(nw_endpoint_t ep, char *buf, size_t size)
{
	switch (ep->type) {
	case nw_endpoint_type_address: return bri_sockaddr_format(&ep->addr, buf, size);
	case nw_endpoint_type_host:
		snprintf(buf, size, "%s:%u", ep->hostname, ep->port);
		return buf;
	case nw_endpoint_type_url: snprintf(buf, size, "%s", ep->url.text); return buf;
	case nw_endpoint_type_bonjour_service:
		snprintf(buf, size, "%s.%s.%s", ep->bonjour.name, ep->bonjour.type,
			ep->bonjour.domain);
		return buf;
	case nw_endpoint_type_invalid: break;
	}
	snprintf(buf, size, "invalid");
	return buf;
}

nw_endpoint_type_t nw_endpoint_get_type(nw_endpoint_t endpoint)
{
	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__))
		return nw_endpoint_type_invalid;
	return endpoint->type;
}

nw_endpoint_t nw_endpoint_create_host(const char *hostname, const char *port)
{
	union bri_sockaddr addr = { 0 };
	struct nw_endpoint *ep;
	uint16_t number;
	size_t used = 0;
	int r;

	if (!hostname || !port) {
		bri_error("%s: the %s is NULL", __func__, hostname ? "port" : "host name");
		return NULL;
	}
	if (bri_endpoint_parse_port(port, &number)) {
		bri_error("%s: \"%.64s\" is neither a port (0 to 65535) nor a known service",
			__func__, port);
		return NULL;
	}
	r = parse_numeric(hostname, &addr);
	if (r == -ENXIO) {
		bri_error(
			"%s: \"%.64s\" names an interface that does not exist", __func__, hostname);
		return NULL;
	}
	if (r && !is_host_text(hostname)) {
		bri_error("%s: \"%.64s\" is not a host name", __func__, hostname);
		return NULL;
	}
	ep = new_endpoint(
		r ? nw_endpoint_type_host : nw_endpoint_type_address, strlen(hostname) + 1);
	if (!ep)
		return NULL;
	bri_sockaddr_set_port(&addr, number);
	ep->addr = addr;
	ep->port = number;
	ep->hostname = keep(ep, &used, hostname, strlen(hostname));
	return ep;
}

/* The host of a parsed url as text: "example.org", "2001:db8::1", "fe80::1%eth0". */
static void url_host(const char *url, const struct bri_url *parts, char *ret, size_t size)
{
	snprintf(ret, size, "%.*s%s%.*s", (int)parts->host.len, url + parts->host.start,
		parts->zone.len ? "%" : "", (int)parts->zone.len, url + parts->zone.start);
}

nw_endpoint_t nw_endpoint_create_url(const char *url)
{
	char host[BRI_URL_HOST_MAX + IF_NAMESIZE + 2];
	union bri_sockaddr addr = { 0 };
	struct nw_endpoint *ep;
	struct bri_url parts;
	size_t len, used = 0;
	int r;

	if (!url) {
		bri_error("%s: the URL is NULL", __func__);
		return NULL;
	}
	len = strnlen(url, BRI_URL_MAX + 1);
	r = bri_url_parse(url, len, &parts);
	if (!r && parts.host.len + parts.zone.len + 2 > sizeof(host))
		r = -ENAMETOOLONG;
	if (r) {
		bri_error("%s: \"%.64s\" is not a URL: %s", __func__, url,
			r == -EINVAL ? "it needs scheme://host[:port][/path]" : "it is too long");
		return NULL;
	}
	url_host(url, &parts, host, sizeof(host));
	r = parse_numeric(host, &addr);
	if (r && (parts.is_ipv6 || r == -ENXIO)) {
		bri_error("%s: \"%.64s\" has a host that is no IPv6 address of this machine's "
			  "interfaces",
			__func__, url);
		return NULL;
	}
	/* url, scheme, host, "/" and path, each with its zero */
	ep = new_endpoint(
		nw_endpoint_type_url, len + parts.scheme.len + strlen(host) + parts.path.len + 5);
	if (!ep)
		return NULL;
	ep->port = parts.port;
	bri_sockaddr_set_port(&addr, parts.port);
	ep->addr = addr;
	ep->url.text = keep(ep, &used, url, len);
	ep->url.scheme = keep(ep, &used, url, parts.scheme.len);
	ep->hostname = keep(ep, &used, host, strlen(host));
	ep->url.path = ep->text + used;
	/* a request target starts with "/", also where the URL goes from host to query */
	if (!parts.path.len || url[parts.path.start] != '/')
		ep->text[used++] = '/';
	keep(ep, &used, url + parts.path.start, parts.path.len);
	return ep;
}

nw_endpoint_t nw_endpoint_create_address(const struct sockaddr *address)
{
	union bri_sockaddr addr;
	struct nw_endpoint *ep;

	if (!address) {
		bri_error("%s: the address is NULL", __func__);
		return NULL;
	}
	/* Linux addresses carry no length: the family says how much there must be */
	if (bri_sockaddr_from(address,
		    address->sa_family == AF_INET6 ? sizeof(addr.in6) : sizeof(addr.in), &addr)) {
		bri_error("%s: address family %d is neither IPv4 nor IPv6", __func__,
			address->sa_family);
		return NULL;
	}
	ep = bri_endpoint_from_addr(&addr);
	return ep;
}

nw_endpoint_t nw_endpoint_create_bonjour_service(
	const char *name, const char *type, const char *domain)
{
	const char *const parts[] = { name, type, domain };
	const char *kept[BRI_LEN(parts)];
	struct nw_endpoint *ep;
	size_t size = 0, used = 0;

	for (size_t i = 0; i < BRI_LEN(parts); i++) {
		static const char *const what[] = { "name", "type", "domain" };
		size_t len = parts[i] ? strnlen(parts[i], BONJOUR_TEXT_MAX + 1) : 0;

		if (!len || len > BONJOUR_TEXT_MAX) {
			bri_error("%s: the %s is %s", __func__, what[i],
				len ? "too long" : "missing");
			return NULL;
		}
		size += len + 1;
	}
	ep = new_endpoint(nw_endpoint_type_bonjour_service, size);
	if (!ep)
		return NULL;
	for (size_t i = 0; i < BRI_LEN(parts); i++)
		kept[i] = keep(ep, &used, parts[i], strlen(parts[i]));
	ep->bonjour.name = kept[0];
	ep->bonjour.type = kept[1];
	ep->bonjour.domain = kept[2];
	return ep;
}

/* The address as text; made once, since most endpoints are never printed. */
static const char *address_text(struct nw_endpoint *ep)
{
	char *text = atomic_load_explicit(&ep->address_text, memory_order_acquire);
	char buf[BRI_SOCKADDR_TEXT_MAX], *expected = NULL;

	if (text)
		return text;
	text = strdup(bri_sockaddr_format_host(&ep->addr, buf, sizeof(buf)));
	if (!text || atomic_compare_exchange_strong(&ep->address_text, &expected, text))
		return text;
	free(text); /* another thread was faster */
	return expected;
}

const char *nw_endpoint_get_hostname(nw_endpoint_t endpoint)
{
	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__))
		return NULL;
	if (endpoint->type == nw_endpoint_type_address && !endpoint->hostname)
		return address_text(endpoint);
	return endpoint->hostname;
}

uint16_t nw_endpoint_get_port(nw_endpoint_t endpoint)
{
	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__))
		return 0;
	return endpoint->port;
}

char *nw_endpoint_copy_port_string(nw_endpoint_t endpoint)
{
	char text[sizeof("65535")];

	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__))
		return NULL;
	if (endpoint->type != nw_endpoint_type_address && endpoint->type != nw_endpoint_type_host)
		return NULL;
	snprintf(text, sizeof(text), "%u", endpoint->port);
	return strdup(text);
}

char *nw_endpoint_copy_address_string(nw_endpoint_t endpoint)
{
	char text[BRI_SOCKADDR_TEXT_MAX];

	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__))
		return NULL;
	if (endpoint->type != nw_endpoint_type_address)
		return NULL;
	return strdup(bri_sockaddr_format_host(&endpoint->addr, text, sizeof(text)));
}

const struct sockaddr *nw_endpoint_get_address(nw_endpoint_t endpoint)
{
	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__))
		return NULL;
	return endpoint->type == nw_endpoint_type_address ? &endpoint->addr.sa : NULL;
}

const char *nw_endpoint_get_url(nw_endpoint_t endpoint)
{
	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__))
		return NULL;
	return endpoint->type == nw_endpoint_type_url ? endpoint->url.text : NULL;
}

static struct nw_endpoint *bonjour(nw_endpoint_t endpoint, const char *function)
{
	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, function))
		return NULL;
	return endpoint->type == nw_endpoint_type_bonjour_service ? endpoint : NULL;
}

const char *nw_endpoint_get_bonjour_service_name(nw_endpoint_t endpoint)
{
	struct nw_endpoint *ep = bonjour(endpoint, __func__);

	return ep ? ep->bonjour.name : NULL;
}

const char *nw_endpoint_get_bonjour_service_type(nw_endpoint_t endpoint)
{
	struct nw_endpoint *ep = bonjour(endpoint, __func__);

	return ep ? ep->bonjour.type : NULL;
}

const char *nw_endpoint_get_bonjour_service_domain(nw_endpoint_t endpoint)
{
	struct nw_endpoint *ep = bonjour(endpoint, __func__);

	return ep ? ep->bonjour.domain : NULL;
}

/* api-status: partial nw_endpoint_copy_txt_record: always NULL, as nothing attaches TXT records yet
 */
nw_txt_record_t nw_endpoint_copy_txt_record(nw_endpoint_t endpoint)
{
	bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__);
	return NULL;
}

/* api-status: no-op nw_endpoint_get_signature: device signatures belong to Apple's pairing service
 */
const uint8_t *nw_endpoint_get_signature(nw_endpoint_t endpoint, size_t *out_signature_length)
{
	bri_object_check(endpoint, BRI_KIND_ENDPOINT, __func__);
	if (out_signature_length)
		*out_signature_length = 0;
	return NULL;
}

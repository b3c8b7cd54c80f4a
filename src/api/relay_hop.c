/* nw_relay_hop: a MASQUE relay, kept as an object. Knows nothing of connections. */
#include "api/relay_hop.h"

#include <stdlib.h>
#include <string.h>
#include "api/endpoint.h"
#include "base/log.h"

static void destroy(struct bri_object *obj)
{
	struct nw_relay_hop *hop = (struct nw_relay_hop *)obj;

	for (size_t i = 0; i < hop->n_fields; i++)
		free(hop->fields[i]);
	bri_object_put(hop->http3);
	bri_object_put(hop->http2);
	bri_object_put(hop->tls);
	pthread_mutex_destroy(&hop->lock);
	free(hop);
}

static const struct bri_class hop_class = {
	.name = "nw_relay_hop",
	.kind = BRI_KIND_RELAY_HOP,
	.destroy = destroy,
};

bool bri_relay_hop_takes_tls(nw_protocol_options_t options, const char *function)
{
	if (!bri_object_check(options, BRI_KIND_PROTOCOL_OPTIONS, function))
		return false;
	if (options->definition->levels & BRI_PROTOCOL_APPLICATION)
		return true;
	bri_error("%s: these are options of %s, not of TLS", function,
		options->definition->identifier);
	return false;
}

bool bri_relay_hop_takes_endpoint(nw_endpoint_t endpoint, const char *function)
{
	if (!bri_object_check(endpoint, BRI_KIND_ENDPOINT, function))
		return false;
	if (endpoint->type == nw_endpoint_type_host || endpoint->type == nw_endpoint_type_address ||
		endpoint->type == nw_endpoint_type_url)
		return true;
	bri_error("%s: the endpoint is neither a host, an address nor a URL", function);
	return false;
}

/* api-status: partial nw_relay_hop_create: an object; connections through relays fail with ENOTSUP
 */
nw_relay_hop_t nw_relay_hop_create(nw_endpoint_t http3_relay_endpoint,
	nw_endpoint_t http2_relay_endpoint, nw_protocol_options_t relay_tls_options)
{
	struct nw_relay_hop *hop;

	if (!http3_relay_endpoint && !http2_relay_endpoint) {
		bri_error("%s: both endpoints are NULL", __func__);
		return NULL;
	}
	if ((http3_relay_endpoint &&
		    !bri_relay_hop_takes_endpoint(http3_relay_endpoint, __func__)) ||
		(http2_relay_endpoint &&
			!bri_relay_hop_takes_endpoint(http2_relay_endpoint, __func__)) ||
		(relay_tls_options && !bri_relay_hop_takes_tls(relay_tls_options, __func__)))
		return NULL;
	hop = bri_object_new(&hop_class, sizeof(*hop));
	if (!hop)
		return NULL;
	hop->http3 = bri_object_get(http3_relay_endpoint);
	hop->http2 = bri_object_get(http2_relay_endpoint);
	hop->tls = bri_object_get(relay_tls_options);
	pthread_mutex_init(&hop->lock, NULL);
	return hop;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (!((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
			    (*p >= 'a' && *p <= 'z') || strchr("!#$%&'*+-.^_`|~", *p)))
			return false;
	}
	return *text;
}

/* RFC 9110 section 5.5 */
static bool is_value(const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t')
			return false;
		if (*p == 0x7f)
			return false;
	}
	return true;
}

static char *join(const char *name, const char *value)
{
	size_t name_size = strlen(name), value_size = strlen(value);
	char *field = malloc(name_size + 2 + value_size + 1);

	if (!field)
		return NULL;
	memcpy(field, name, name_size);
	memcpy(field + name_size, ": ", 2);
	memcpy(field + name_size + 2, value, value_size + 1);
	return field;
}

/* api-status: partial nw_relay_hop_add_additional_http_header_field: stored; connections through
 * relays fail with ENOTSUP */
void nw_relay_hop_add_additional_http_header_field(
	nw_relay_hop_t relay_hop, const char *field_name, const char *field_value)
{
	char *field = NULL;

	if (!bri_object_check(relay_hop, BRI_KIND_RELAY_HOP, __func__))
		return;
	if (!field_name || !field_value || !is_token(field_name) || !is_value(field_value) ||
		strlen(field_name) + strlen(field_value) > BRI_RELAY_HOP_FIELD_SIZE_MAX) {
		bri_error("%s: that is not a header field", __func__);
		return;
	}
	pthread_mutex_lock(&relay_hop->lock);
	if (relay_hop->n_fields == BRI_RELAY_HOP_FIELDS_MAX)
		bri_error("%s: at most %d fields", __func__, BRI_RELAY_HOP_FIELDS_MAX);
	else
		field = join(field_name, field_value);
	if (field)
		relay_hop->fields[relay_hop->n_fields++] = field;
	pthread_mutex_unlock(&relay_hop->lock);
}

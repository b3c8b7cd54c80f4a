/* What the commands that talk over the network share: errors, addresses and subflows as text. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/net.h"

/* The codes of domain dns, by their numbers in Apple's dns_sd.h. */
static const char *dns_text(int code)
{
	switch (code) {
	case -65538: return "no such name";
	case -65554: return "the name has no address";
	case -65568: return "no answer from the name server";
	case -65563: return "no name server is configured or running";
	default: return NULL;
	}
}

/* errSSL numbers, as <Security/SecureTransport.h> has them. */
const char *bri_net_tls_error_text(int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{ errSSLProtocol, "the peer does not speak it" },
		{ errSSLNegotiation, "no common version or cipher suite" },
		{ errSSLClosedGraceful, "closed by the peer" },
		{ errSSLClosedAbort, "broken off by the peer" },
		{ errSSLXCertChainInvalid,
			"the peer's certificates are no chain to a trusted one" },
		{ errSSLBadCert, "the peer's certificate is not valid" },
		{ errSSLUnknownRootCert,
			"the peer's certificate is of an authority that is not trusted" },
		{ errSSLNoRootCert, "the peer's certificate is signed by nobody else" },
		{ errSSLCertExpired, "the peer's certificate has expired" },
		{ errSSLCertNotYetValid, "the peer's certificate is not valid yet" },
		{ errSSLHostNameMismatch, "the peer's certificate is for another name" },
		{ errSSLClosedNoNotify,
			"the connection ended without TLS's end: it may be cut short" },
		{ errSSLPeerHandshakeFail, "the peer refused the handshake" },
		{ errSSLPeerUnknownCA, "the peer does not trust our certificate" },
		{ errSSLPeerProtocolVersion, "the peer wants another version" },
		{ errSSLUnexpectedRecord, "the peer does not speak it" },
		{ errSSLPeerCertRevoked, "the certificate is revoked" },
		{ errSSLPeerInsufficientSecurity, "the peer wants stronger suites" },
		{ errSSLCertificateRequired, "the peer wants a certificate of ours" },
		{ errSSLUnrecognizedName, "the peer does not know this name" },
		{ errSSLBadCertificateStatusResponse,
			"the OCSP answer about the peer's certificate is not valid" },
		{ errSSLBadRecordMac, "what came is not authentic" },
	};

	for (size_t i = 0; i < BRI_LEN(texts); i++) {
		if (texts[i].code == code)
			return texts[i].text;
	}
	return "error";
}

const char *bri_net_tls_version_name(unsigned version)
{
	switch (version) {
	case tls_protocol_version_TLSv13: return "TLS 1.3";
	case tls_protocol_version_TLSv12: return "TLS 1.2";
	case 0x0302: return "TLS 1.1";
	case 0x0301: return "TLS 1.0";
	case tls_protocol_version_DTLSv12: return "DTLS 1.2";
	case 0xfeff: return "DTLS 1.0";
	default: return "TLS ?";
	}
}

const char *bri_net_tls_suite_name(uint16_t suite, char *buffer, size_t size)
{
	static const struct {
		uint16_t suite;
		const char *name;
	} names[] = {
#define NAME(name) { name, #name }
		NAME(TLS_AES_128_GCM_SHA256),
		NAME(TLS_AES_256_GCM_SHA384),
		NAME(TLS_CHACHA20_POLY1305_SHA256),
		NAME(TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
		NAME(TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
		NAME(TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
		NAME(TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
		NAME(TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
		NAME(TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
		NAME(TLS_PSK_WITH_AES_128_GCM_SHA256),
#undef NAME
	};

	for (size_t i = 0; i < BRI_LEN(names); i++) {
		if (names[i].suite == suite)
			return names[i].name;
	}
	snprintf(buffer, size, "cipher suite 0x%04x", suite);
	return buffer;
}

bool bri_net_tls_text(nw_connection_t connection, char *ret, size_t size)
{
	nw_protocol_definition_t tls = nw_protocol_copy_tls_definition();
	nw_protocol_metadata_t metadata = nw_connection_copy_protocol_metadata(connection, tls);
	sec_protocol_metadata_t sec = metadata ? nw_tls_copy_sec_protocol_metadata(metadata) : NULL;
	const char *alpn = sec ? sec_protocol_metadata_get_negotiated_protocol(sec) : NULL;
	char suite[48];

	if (sec)
		snprintf(ret, size, "%s, %s%s%s",
			bri_net_tls_version_name(
				(unsigned)sec_protocol_metadata_get_negotiated_tls_protocol_version(
					sec)),
			bri_net_tls_suite_name(
				(uint16_t)sec_protocol_metadata_get_negotiated_tls_ciphersuite(sec),
				suite, sizeof(suite)),
			alpn ? ", protocol " : "", alpn ? alpn : "");
	sec_release(sec);
	nw_release(metadata);
	nw_release(tls);
	return sec;
}

const char *bri_net_error_text(nw_error_t error, char *buffer, size_t size)
{
	int code;

	if (!error)
		return "no reason given";
	code = nw_error_get_error_code(error);
	switch (nw_error_get_error_domain(error)) {
	case nw_error_domain_posix: return strerror(code);
	case nw_error_domain_dns:
		if (dns_text(code))
			return dns_text(code);
		snprintf(buffer, size, "name resolution failed (%d)", code);
		return buffer;
	case nw_error_domain_tls:
		snprintf(buffer, size, "TLS: %s (%d)", bri_net_tls_error_text(code), code);
		return buffer;
	case nw_error_domain_invalid:
	case nw_error_domain_wifi_aware: break;
	}
	snprintf(buffer, size, "error %d", code);
	return buffer;
}

bool bri_net_is(nw_error_t error, int code)
{
	return error && nw_error_get_error_domain(error) == nw_error_domain_posix &&
	       nw_error_get_error_code(error) == code;
}

void bri_net_sockaddr_text(const struct sockaddr *address, char ret[static BRI_NET_ADDRESS_SIZE])
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	char text[INET6_ADDRSTRLEN];

	if (address->sa_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)))
		snprintf(ret, BRI_NET_ADDRESS_SIZE, "%s:%u", text, ntohs(v4->sin_port));
	else if (address->sa_family == AF_INET6 &&
		 inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text)))
		snprintf(ret, BRI_NET_ADDRESS_SIZE, "[%s]:%u", text, ntohs(v6->sin6_port));
	else
		snprintf(ret, BRI_NET_ADDRESS_SIZE, "?");
}

void bri_net_endpoint_text(nw_endpoint_t endpoint, char ret[static BRI_NET_ADDRESS_SIZE])
{
	const struct sockaddr *address = endpoint ? nw_endpoint_get_address(endpoint) : NULL;
	const char *name = endpoint ? nw_endpoint_get_hostname(endpoint) : NULL;

	if (address)
		bri_net_sockaddr_text(address, ret);
	else if (name)
		snprintf(ret, BRI_NET_ADDRESS_SIZE, "%.100s:%u", name,
			nw_endpoint_get_port(endpoint));
	else
		snprintf(ret, BRI_NET_ADDRESS_SIZE, "?");
}

void bri_net_peer_text(nw_connection_t connection, char ret[static BRI_NET_ADDRESS_SIZE])
{
	nw_path_t path = nw_connection_copy_current_path(connection);
	nw_endpoint_t endpoint = path ? nw_path_copy_effective_remote_endpoint(path) : NULL;

	if (!endpoint)
		endpoint = nw_connection_copy_endpoint(connection);
	bri_net_endpoint_text(endpoint, ret);
	nw_release(endpoint);
	nw_release(path);
}

static void on_subflow(void *context, const struct braid_subflow *subflow)
{
	struct bri_net_subflows *list = context;

	if (list->n < BRI_NET_MAX_SUBFLOWS)
		memcpy(&list->list[list->n++], subflow,
			bri_min_size(subflow->size, sizeof(*subflow)));
}

void bri_net_subflows_get(nw_connection_t connection, struct bri_net_subflows *ret)
{
	memset(ret, 0, sizeof(*ret));
	braid_connection_enumerate_subflows_f(connection, ret, on_subflow);
}

void bri_net_subflow_text(const struct braid_subflow *subflow, char *ret, size_t size)
{
	char local[BRI_NET_ADDRESS_SIZE], remote[BRI_NET_ADDRESS_SIZE];

	bri_net_sockaddr_text((const struct sockaddr *)&subflow->local, local);
	bri_net_sockaddr_text((const struct sockaddr *)&subflow->remote, remote);
	snprintf(ret, size, "%s -> %s%s%s, RTT %u.%02u ms, sent %llu B, received %llu B%s%s", local,
		remote, *subflow->if_name ? " on " : "", subflow->if_name, subflow->rtt_us / 1000,
		subflow->rtt_us % 1000 / 10, (unsigned long long)subflow->bytes_sent,
		(unsigned long long)subflow->bytes_received, subflow->backup ? ", backup" : "",
		subflow->is_initial ? ", initial" : "");
}

void bri_net_subflows_json(
	const struct bri_net_subflows *subflows, struct bri_json *json, const char *key)
{
	char text[BRI_NET_ADDRESS_SIZE];

	bri_json_array(json, key);
	for (size_t i = 0; i < subflows->n; i++) {
		const struct braid_subflow *s = &subflows->list[i];

		bri_json_object(json, NULL);
		bri_json_unsigned(json, "id", s->id);
		bri_net_sockaddr_text((const struct sockaddr *)&s->local, text);
		bri_json_string(json, "local", text);
		bri_net_sockaddr_text((const struct sockaddr *)&s->remote, text);
		bri_json_string(json, "remote", text);
		bri_json_string(json, "interface", *s->if_name ? s->if_name : NULL);
		bri_json_bool(json, "initial", s->is_initial);
		if (s->backup_known)
			bri_json_bool(json, "backup", s->backup);
		else
			bri_json_null(json, "backup");
		bri_json_unsigned(json, "rtt_us", s->rtt_us);
		bri_json_unsigned(json, "bytes_sent", s->bytes_sent);
		bri_json_unsigned(json, "bytes_received", s->bytes_received);
		bri_json_end_object(json);
	}
	bri_json_end_array(json);
}

const char *bri_net_reason_name(braid_multipath_reason_t reason)
{
	static const char *const names[] = {
		[braid_multipath_active] = "active",
		[braid_multipath_not_requested] = "not_requested",
		[braid_multipath_not_started] = "not_started",
		[braid_multipath_not_tcp] = "not_tcp",
		[braid_multipath_kernel_too_old] = "kernel_too_old",
		[braid_multipath_kernel_not_compiled] = "kernel_not_compiled",
		[braid_multipath_kernel_disabled] = "kernel_disabled",
		[braid_multipath_not_permitted] = "not_permitted",
		[braid_multipath_refused] = "refused",
		[braid_multipath_suspended] = "suspended",
		[braid_multipath_fell_back] = "fell_back",
		[braid_multipath_options_refused] = "options_refused",
		[braid_multipath_failed] = "failed",
		[braid_multipath_syn_dropped] = "syn_dropped",
		[braid_multipath_client_plain] = "client_plain",
	};

	return (size_t)reason < BRI_LEN(names) && names[reason] ? names[reason] : "unknown";
}

nw_parameters_t bri_net_tcp(nw_multipath_service_t service)
{
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);

	if (parameters)
		nw_parameters_set_multipath_service(parameters, service);
	return parameters;
}

/* See cat_layers.h. */
#include "cli/cat_layers.h"

#include <braid/security.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a key file: hexadecimal digits, blanks, a newline. */
#define KEY_FILE_MAX 1024

/* --- the command line --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int parse_key(const char *text, struct bri_cat_layers *ret)
{
	size_t n = 0;

	while (hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0 && n < BRI_CAT_PSK_MAX) {
		ret->psk[n++] = (uint8_t)(hex_digit(text[0]) * 16 + hex_digit(text[1]));
		text += 2;
	}
	text += strspn(text, " \t\r\n");
	if (*text || n == 0)
		return bri_cli_usage("cat", "the key is not 1 to %u bytes as hexadecimal digits",
			BRI_CAT_PSK_MAX);
	ret->psk_size = n;
	return BRI_EXIT_OK;
}

static int read_key(const char *path, struct bri_cat_layers *ret)
{
	char text[KEY_FILE_MAX] = "";
	FILE *file = fopen(path, "re");
	size_t n;

	if (!file) {
		bri_cli_error("cat", "cannot read %s: %s", path, strerror(errno));
		return BRI_EXIT_FAILED;
	}
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = 0;
	return parse_key(text, ret);
}

int bri_cat_parse_psk(const char *text, struct bri_cat_layers *ret)
{
	const char *colon = strrchr(text, ':');

	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(ret->psk_identity))
		return bri_cli_usage("cat", "--psk is IDENTITY:KEY, KEY in hexadecimal digits or "
					    "@FILE with them");
	memcpy(ret->psk_identity, text, (size_t)(colon - text));
	ret->psk_identity[colon - text] = 0;
	return colon[1] == '@' ? read_key(colon + 2, ret) : parse_key(colon + 1, ret);
}

/* USER:PASSWORD@ before the host. Returns what follows; NULL: too long. */
static const char *parse_user(const char *text, struct bri_cat_layers *ret)
{
	const char *at = strrchr(text, '@'), *colon;
	size_t user, password;

	if (!at)
		return text;
	colon = memchr(text, ':', (size_t)(at - text));
	user = (size_t)((colon ? colon : at) - text);
	password = colon ? (size_t)(at - colon) - 1 : 0;
	if (user >= sizeof(ret->proxy_user) || password >= sizeof(ret->proxy_password))
		return NULL;
	memcpy(ret->proxy_user, text, user);
	if (colon)
		memcpy(ret->proxy_password, colon + 1, password);
	return at + 1;
}

int bri_cat_parse_proxy(const char *text, struct bri_cat_layers *ret)
{
	static const char *const schemes[] = { "socks5://", "socks5h://", "http://" };
	const char *host = NULL;

	for (size_t i = 0; i < BRI_LEN(schemes); i++) {
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0) {
			host = text + strlen(schemes[i]);
			ret->proxy_is_http = schemes[i][0] == 'h';
		}
	}
	host = host ? parse_user(host, ret) : NULL;
	if (!host || bri_cli_parse_target(host, false, true, &ret->proxy) < 0 ||
		!*ret->proxy.host || !*ret->proxy.port)
		return bri_cli_usage("cat",
			"--proxy is socks5://[USER:PASSWORD@]HOST:PORT or http://..., not '%s'",
			text);
	return BRI_EXIT_OK;
}

int bri_cat_parse_alpn(char *text, struct bri_cat_layers *ret)
{
	char *save = NULL;

	for (char *name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (strlen(name) > 255) /* RFC 7301, 3.1 */
			return bri_cli_usage("cat", "a protocol's name has at most 255 bytes");
		if (ret->n_alpn == BRI_CAT_ALPN_MAX)
			return bri_cli_usage(
				"cat", "at most %d protocols by --alpn", BRI_CAT_ALPN_MAX);
		ret->alpn[ret->n_alpn++] = name;
	}
	return BRI_EXIT_OK;
}

/* --- files --- */

static sec_identity_t identity; /* of this process, which is one `braid cat`; NULL: none */

int bri_cat_layers_load(const struct bri_cat_layers *l, bool listen)
{
	braid_security_status_t status = braid_security_ok;
	FILE *file;

	if (listen && l->tls && !l->cert && !l->psk_size) {
		bri_cli_error(
			"cat", "a TLS listener shows who it is: give --cert and --key, or --psk");
		return BRI_EXIT_USAGE;
	}
	if (l->cert) {
		identity = braid_identity_create_from_pem_files(l->cert, l->key, NULL, &status);
		if (!identity) {
			bri_cli_error("cat", "cannot use certificate %s%s%s: %s", l->cert,
				l->key ? " with key " : "", l->key ? l->key : "",
				braid_security_status_string(status));
			return BRI_EXIT_FAILED;
		}
	}
	file = l->ca ? fopen(l->ca, "re") : NULL;
	if (l->ca && !file) {
		bri_cli_error("cat", "cannot read %s: %s", l->ca, strerror(errno));
		return BRI_EXIT_FAILED;
	}
	if (file)
		fclose(file);
	return BRI_EXIT_OK;
}

/* --- parameters --- */

static void verify(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	const struct bri_cat_layers *l = context;
	bool good = l->insecure;

	(void)metadata;
	if (!good && braid_trust_set_anchors_from_pem_file(trust, l->ca, true) == braid_security_ok)
		good = braid_trust_evaluate(trust) == 0;
	complete(complete_context, good);
}

static void add_psk(const struct bri_cat_layers *l, sec_protocol_options_t sec)
{
	dispatch_data_t key = dispatch_data_create_f(l->psk, l->psk_size, NULL, NULL);
	dispatch_data_t name =
		dispatch_data_create_f(l->psk_identity, strlen(l->psk_identity), NULL, NULL);

	sec_protocol_options_add_pre_shared_key(sec, key, name);
	sec_protocol_options_append_tls_ciphersuite(
		sec, (tls_ciphersuite_t)TLS_PSK_WITH_AES_128_GCM_SHA256);
	dispatch_release(key);
	dispatch_release(name);
}

void bri_cat_layers_configure(void *layers, nw_protocol_options_t options)
{
	struct bri_cat_layers *l = layers;
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);

	for (size_t i = 0; i < l->n_alpn; i++)
		sec_protocol_options_add_tls_application_protocol(sec, l->alpn[i]);
	if (l->server_name)
		sec_protocol_options_set_tls_server_name(sec, l->server_name);
	if (identity)
		sec_protocol_options_set_local_identity(sec, identity);
	if (l->psk_size)
		add_psk(l, sec);
	if (l->ca || l->insecure) {
		/* a listener that is told whom to trust asks who is there */
		sec_protocol_options_set_peer_authentication_required(sec, true);
		sec_protocol_options_set_verify_block_f(
			sec, l, verify, NULL, dispatch_get_global_queue(0, 0));
	}
	sec_release(sec);
}

static int add_ws(nw_parameters_t parameters)
{
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);
	nw_protocol_options_t ws = nw_ws_create_options(nw_ws_version_13);

	if (ws) {
		nw_ws_options_set_auto_reply_ping(ws, true);
		nw_protocol_stack_prepend_application_protocol(stack, ws);
	}
	nw_release(ws);
	nw_release(stack);
	return ws ? BRI_EXIT_OK : BRI_EXIT_FAILED;
}

static int add_proxy(const struct bri_cat_layers *l, nw_parameters_t parameters)
{
	nw_privacy_context_t privacy = nw_privacy_context_create("braid cat");
	nw_endpoint_t endpoint = nw_endpoint_create_host(l->proxy.host, l->proxy.port);
	nw_proxy_config_t proxy = !endpoint ? NULL
				  : l->proxy_is_http
					  ? nw_proxy_config_create_http_connect(endpoint, NULL)
					  : nw_proxy_config_create_socksv5(endpoint);

	if (proxy && privacy) {
		if (*l->proxy_user)
			nw_proxy_config_set_username_and_password(
				proxy, l->proxy_user, l->proxy_password);
		nw_privacy_context_add_proxy(privacy, proxy);
		nw_parameters_set_privacy_context(parameters, privacy);
	} else {
		bri_cli_error("cat", "cannot use proxy %s port %s", l->proxy.host, l->proxy.port);
	}
	nw_release(endpoint);
	nw_release(privacy);
	nw_release(proxy);
	return proxy && privacy ? BRI_EXIT_OK : BRI_EXIT_FAILED;
}

int bri_cat_layers_add(const struct bri_cat_layers *l, nw_parameters_t parameters)
{
	int code = BRI_EXIT_OK;

	if (l->ws)
		code = add_ws(parameters);
	if (code == BRI_EXIT_OK && *l->proxy.host)
		code = add_proxy(l, parameters);
	return code;
}

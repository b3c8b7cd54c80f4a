/*
 * `braid cat`: what is between the bytes and the transport: TLS, DTLS, WebSocket, proxies. Options
 * (cmd_cat.c) into parameters.
 */
#ifndef BRI_CLI_CAT_LAYERS_H
#define BRI_CLI_CAT_LAYERS_H

#include <Network/Network.h>
#include "cli/cli.h"

#define BRI_CAT_ALPN_MAX 8   /* one is usual */
#define BRI_CAT_PSK_MAX  64u /* bytes of a key: HMAC takes no more of any hash there is */

struct bri_cat_layers {
	bool tls, insecure, ws;
	const char *alpn[BRI_CAT_ALPN_MAX];
	size_t n_alpn;
	/* borrowed from argv; NULL: not given */
	const char *cert, *key, *ca, *server_name, *ws_path;
	char psk_identity[128];
	uint8_t psk[BRI_CAT_PSK_MAX];
	size_t psk_size; /* 0: none */
	/* a proxy; host "": none */
	struct bri_cli_target proxy;
	bool proxy_is_http;
	char proxy_user[128], proxy_password[128];
};

/* bri_cat_parse_psk(): IDENTITY:KEY, KEY in hexadecimal digits or @FILE with them. An exit code. */
int bri_cat_parse_psk(const char *text, struct bri_cat_layers *ret);
/* bri_cat_parse_proxy(): socks5://[USER:PASSWORD@]HOST:PORT, or http://. An exit code. */
int bri_cat_parse_proxy(const char *text, struct bri_cat_layers *ret);
/* bri_cat_parse_alpn(): protocols, with commas. An exit code. */
int bri_cat_parse_alpn(char *text, struct bri_cat_layers *ret);

/*
 * bri_cat_layers_load(): reads what files are named, once, before anything is connected. Returns an
 * exit code, after one line about why.
 */
int bri_cat_layers_load(const struct bri_cat_layers *layers, bool listen);
/* bri_cat_layers_configure(): nw_parameters_configure_protocol_f for TLS; context: the layers. */
void bri_cat_layers_configure(void *layers, nw_protocol_options_t options);
/* bri_cat_layers_add(): WebSocket and the proxy. Returns an exit code. */
int bri_cat_layers_add(const struct bri_cat_layers *layers, nw_parameters_t parameters);

#endif

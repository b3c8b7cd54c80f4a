/* Configuration text from anywhere: refused with one line that says where, or within its limits. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_rule(const struct bri_config *config, const struct bri_config_rule *rule)
{
	struct bri_config_facts facts = { rule->local.last, rule->remote.first, rule->prefix,
		rule->user_known, rule->uid, rule->program, rule->program };
	struct bri_config_service service;

	check(memchr(rule->user, 0, sizeof(rule->user)) &&
		memchr(rule->program, 0, sizeof(rule->program)));
	check(rule->service <= BRI_MESSAGE_SERVICE_AGGREGATE);
	check(rule->prefix_bits <= (rule->prefix.family == AF_INET6 ? 128 : 32));
	check(rule->local.first <= rule->local.last && rule->remote.first <= rule->remote.last);
	/* what fits it exactly is decided by it, or by one before it */
	bri_config_service_for(config, &facts, &service);
	if (!*rule->user && (rule->program[0] == '/' || strlen(rule->program) <= 15))
		check(service.line != 0 && service.line <= rule->line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bri_config *config = NULL;
	struct bri_config_interface found;
	char why[300] = "";
	char *text = malloc(size ? size : 1); /* exactly this size, without a zero */

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	if (bri_config_parse("f", text, size, why, sizeof(why), &config) < 0) {
		check(!config && strncmp(why, "f:", 2) == 0 && !strchr(why, '\n'));
		free(text);
		return 0;
	}
	check(config->n_rules <= BRI_CONFIG_RULES_MAX &&
		config->n_interfaces <= BRI_CONFIG_INTERFACES_MAX &&
		config->n_announce <= BRI_CONFIG_ANNOUNCE_MAX);
	check(memchr(config->socket, 0, sizeof(config->socket)) != NULL);
	for (uint32_t i = 0; i < config->n_rules; i++)
		check_rule(config, &config->rules[i]);
	bri_config_interface_for(config, "wlan0", &found);
	check(found.order >= -1 && found.order <= 1000000);
	free(config);
	free(text);
	return 0;
}

/* What the configuration says about a connection or an interface. Pure. Knows no text. */
#include <fnmatch.h>
#include <string.h>
#include <sys/socket.h>
#include "daemon/config.h"

#define COMM_MAX 15u /* TASK_COMM_LEN without its zero: longer names are cut by the kernel */

static bool port_fits(const struct bri_config_ports *wanted, uint16_t port)
{
	return wanted->first == 0 || (port >= wanted->first && port <= wanted->last);
}

bool bri_config_is_mapped(const struct bri_ip *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return ip->family == AF_INET6 && memcmp(ip->bytes, mapped, sizeof(mapped)) == 0;
}

static struct bri_ip unmapped(const struct bri_ip *ip)
{
	struct bri_ip v4 = { .family = AF_INET };

	if (!bri_config_is_mapped(ip))
		return *ip;
	memcpy(v4.bytes, ip->bytes + 12, 4);
	return v4;
}

static bool prefix_fits(const struct bri_config_rule *rule, const struct bri_ip *remote)
{
	struct bri_ip ip = unmapped(remote);
	uint32_t whole = rule->prefix_bits / 8u, rest = rule->prefix_bits % 8u;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (rule->prefix.family == 0)
		return true;
	if (rule->prefix.family != ip.family || memcmp(rule->prefix.bytes, ip.bytes, whole) != 0)
		return false;
	return rest == 0 || ((rule->prefix.bytes[whole] ^ ip.bytes[whole]) & mask) == 0;
}

static bool user_fits(const struct bri_config_rule *rule, const struct bri_config_facts *facts)
{
	if (!*rule->user)
		return true;
	return rule->user_known && facts->has_uid && facts->uid == rule->uid;
}

static bool program_fits(const struct bri_config_rule *rule, const struct bri_config_facts *facts)
{
	if (!*rule->program)
		return true;
	if (*rule->program == '/')
		return facts->exe && strcmp(facts->exe, rule->program) == 0;
	return facts->comm && *facts->comm && strlen(facts->comm) <= COMM_MAX &&
	       strncmp(facts->comm, rule->program, COMM_MAX) == 0;
}

static bool rule_fits(const struct bri_config_rule *rule, const struct bri_config_facts *facts)
{
	return port_fits(&rule->local, facts->local_port) &&
	       port_fits(&rule->remote, facts->remote_port) && prefix_fits(rule, &facts->remote) &&
	       user_fits(rule, facts) && program_fits(rule, facts);
}

void bri_config_service_for(const struct bri_config *config, const struct bri_config_facts *facts,
	struct bri_config_service *ret)
{
	for (uint32_t i = 0; i < config->n_rules; i++) {
		const struct bri_config_rule *rule = &config->rules[i];

		if (!rule_fits(rule, facts))
			continue;
		*ret = (struct bri_config_service) { rule->service, rule->cold,
			BRI_MESSAGE_SOURCE_RULE, rule->line };
		return;
	}
	*ret = (struct bri_config_service) { config->default_service, false,
		BRI_MESSAGE_SOURCE_DEFAULT, 0 };
}

void bri_config_interface_for(
	const struct bri_config *config, const char *name, struct bri_config_interface *ret)
{
	*ret = (struct bri_config_interface) { .kind = -1, .order = -1, .metered = -1, .use = -1 };
	memcpy(ret->glob, name, strnlen(name, sizeof(ret->glob) - 1));
	for (uint32_t i = 0; i < config->n_interfaces; i++) {
		const struct bri_config_interface *said = &config->interfaces[i];

		if (fnmatch(said->glob, name, FNM_NOESCAPE) != 0)
			continue;
		if (ret->kind < 0)
			ret->kind = said->kind;
		if (ret->order < 0)
			ret->order = said->order;
		if (ret->metered < 0)
			ret->metered = said->metered;
		if (ret->use < 0)
			ret->use = said->use;
	}
}

/*
 * What kind of medium an interface is. Linux has no one answer: drivers say it in sysfs, virtual
 * links in their linkinfo, and people in the name.
 */
#include "transport/netstate_internal.h"

#include <fcntl.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSFS_TEXT_MAX 512 /* a uevent of a network device has some 40 bytes */

static bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

/* systemd's and the kernel's naming, and Android's for modems. OTHER: the name tells nothing. */
static enum bri_iftype type_of_name(const char *name)
{
	if (starts_with(name, "wl"))
		return BRI_IFTYPE_WIFI;
	if (starts_with(name, "ww") || starts_with(name, "rmnet") || starts_with(name, "ccmni"))
		return BRI_IFTYPE_CELLULAR;
	if (starts_with(name, "en") || starts_with(name, "eth"))
		return BRI_IFTYPE_WIRED;
	return BRI_IFTYPE_OTHER;
}

enum bri_iftype bri_netstate_classify(const struct bri_netstate_hint *hint)
{
	/* virtual, but Ethernet to whoever uses them: a host's uplink is often one of these */
	static const char *const ethernet[] = { "bond", "bridge", "ipvlan", "macvlan", "macvtap",
		"team", "veth", "vlan", NULL };
	static const char *const modem[] = { "rmnet", "wwan", NULL };
	enum bri_iftype by_name = type_of_name(hint->name);

	if (hint->loopback || hint->hwtype == ARPHRD_LOOPBACK)
		return BRI_IFTYPE_LOOPBACK;
	if (hint->wireless || strcmp(hint->devtype, "wlan") == 0 ||
		(hint->hwtype >= ARPHRD_IEEE80211 && hint->hwtype <= ARPHRD_IEEE80211_RADIOTAP))
		return BRI_IFTYPE_WIFI;
	if (strcmp(hint->devtype, "wwan") == 0 || is_one_of(hint->kind, modem))
		return BRI_IFTYPE_CELLULAR;
	if (by_name == BRI_IFTYPE_WIFI || by_name == BRI_IFTYPE_CELLULAR)
		return by_name;
	if (hint->kind[0] == '\0') /* hardware: modems in raw IP mode, Ethernet, PPP, ... */
		return hint->hwtype == ARPHRD_RAWIP ? BRI_IFTYPE_CELLULAR
		       : hint->hwtype == ARPHRD_ETHER && (hint->devtype[0] == '\0' ||
								 strcmp(hint->devtype, "dsa") == 0)
			       ? BRI_IFTYPE_WIRED
			       : by_name;
	return is_one_of(hint->kind, ethernet) ? BRI_IFTYPE_WIRED : by_name;
}

/* A small file of /sys/class/net/NAME/. Returns its length, zero-terminated; 0 when it cannot be
 * read. */
static size_t read_attribute(const char *name, const char *file, char *ret, size_t size)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, ret, size - 1);
	close(fd);
	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static bool has_entry(const char *name, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, file);
	return access(path, F_OK) == 0;
}

/*
 * A mounted sysfs shows the interfaces of the namespace it was mounted in, which may not be ours:
 * an interface there that only has the same name must not lend its kind to this one.
 */
static bool sysfs_is_about(const struct bri_nl_link *link)
{
	char text[SYSFS_TEXT_MAX], mac[3 * BRI_NL_LINK_MAC_MAX + 1] = "";

	if (read_attribute(link->name, "ifindex", text, sizeof(text)) == 0 ||
		strtoul(text, NULL, 10) != link->index)
		return false;
	for (size_t i = 0; i < link->mac_size; i++)
		snprintf(mac + 3 * i, 4, "%02x:", link->mac[i]);
	if (link->mac_size == 0)
		return true;
	mac[3 * link->mac_size - 1] = '\0';
	return read_attribute(link->name, "address", text, sizeof(text)) > 0 &&
	       starts_with(text, mac);
}

/* The value of DEVTYPE=, "" when there is none. */
static void find_devtype(const char *uevent, char *ret, size_t size)
{
	const char *at = strstr(uevent, "DEVTYPE=");
	size_t n;

	ret[0] = '\0';
	if (!at || (at != uevent && at[-1] != '\n'))
		return;
	at += strlen("DEVTYPE=");
	n = bri_min_size(strcspn(at, "\n"), size - 1);
	memcpy(ret, at, n);
	ret[n] = '\0';
}

enum bri_iftype bri_netstate_link_type(const struct bri_nl_link *link)
{
	char uevent[SYSFS_TEXT_MAX] = "", devtype[32] = "";
	struct bri_netstate_hint hint = {
		.name = link->name,
		.kind = link->kind,
		.hwtype = link->hwtype,
		.loopback = link->flags & IFF_LOOPBACK,
		.devtype = devtype,
	};

	/* a name with a dot or slash at its start would leave the directory; the kernel forbids
	 * both */
	if (!hint.loopback && !strchr(link->name, '/') && sysfs_is_about(link)) {
		read_attribute(link->name, "uevent", uevent, sizeof(uevent));
		find_devtype(uevent, devtype, sizeof(devtype));
		hint.wireless =
			has_entry(link->name, "wireless") || has_entry(link->name, "phy80211");
	}
	return bri_netstate_classify(&hint);
}

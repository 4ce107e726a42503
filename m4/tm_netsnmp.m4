dnl SPDX-License-Identifier: GPL-2.0-or-later
dnl TM_NETSNMP_AGENT: NETSNMP_CFLAGS and NETSNMP_LIBS for an AgentX subagent.
dnl Older net-snmp has no pkg-config files, but net-snmp-config.  Its compiler
dnl flags are those that it was built with itself, and must not become ours.
AC_DEFUN([TM_NETSNMP_AGENT], [
	PKG_CHECK_MODULES([NETSNMP], [netsnmp-agent >= 5.7],
		[tm_netsnmp_version=`$PKG_CONFIG --modversion netsnmp-agent`], [
		AC_CHECK_PROG([NET_SNMP_CONFIG], [net-snmp-config], [net-snmp-config])
		AS_IF([test "x$NET_SNMP_CONFIG" = x],
			[AC_MSG_ERROR([net-snmp's development files are missing (Debian: libsnmp-dev)])])
		tm_netsnmp_version=`$NET_SNMP_CONFIG --version`
		NETSNMP_LIBS=`$NET_SNMP_CONFIG --base-agent-libs`
		for tm_flag in `$NET_SNMP_CONFIG --base-cflags`; do
			AS_CASE([$tm_flag], [-I.], [], [-I*], [AS_VAR_APPEND([NETSNMP_CFLAGS], [" $tm_flag"])])
		done
	])
	tm_saved_cflags=$CFLAGS
	tm_saved_libs=$LIBS
	CFLAGS="$CFLAGS $NETSNMP_CFLAGS"
	LIBS="$NETSNMP_LIBS $LIBS"
	AC_MSG_CHECKING([whether net-snmp builds AgentX subagents])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[
		#include <net-snmp/net-snmp-config.h>
		#include <net-snmp/net-snmp-includes.h>
		#include <net-snmp/agent/net-snmp-agent-includes.h>
		#ifndef USING_AGENTX_SUBAGENT_MODULE
		#error no AgentX
		#endif]], [[netsnmp_enable_subagent(); return init_agent("townmeterd");]])],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		AC_MSG_ERROR([net-snmp's agent libraries do not work, see config.log])])
	CFLAGS=$tm_saved_cflags
	LIBS=$tm_saved_libs
])

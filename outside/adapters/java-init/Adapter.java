// Init and exit on try-with-resources, and an adapter that lets Lawbook judge it.
// A pair is a resource: its init makes it, its close is the exit. Each is opened in the block of
// the one before; in the innermost the module is live, and its thread waits to unload it. What is
// told of failures is the exception that Java lets out, and those that it suppressed.
import com.google.gson.*;
import java.io.*;
import java.util.*;
import java.util.concurrent.*;

public class Adapter {
    static final String PROFILE = """
        {"permanence": "never", "failure": "negative", "held": "unwind", "exit_errors": true,
         "panics": true, "nulls": true, "built_in": false, "boot_log": false, "references": false,
         "reentrant": false, "blacklist": false, "parameters": false, "legacy": false,
         "entries": false}""";
    static final String SUCCESS = "{'returns':{'code':0}}";
    static List<Module> modules;
    static JsonArray calls;  // the callbacks of the op that is under way

    static class Module {
        final List<JsonObject> pairs = new ArrayList<>();
        final List<Integer> order = new ArrayList<>();
        final BlockingQueue<Object> told = new LinkedBlockingQueue<>();
        final BlockingQueue<Object> unload = new LinkedBlockingQueue<>();
        boolean live;

        Module(JsonElement plan) {
            for (JsonElement pair : only(plan, "linkage", "pairs").getAsJsonArray("pairs")) {
                order.add(pairs.size());
                pairs.add(only(pair, "priority", "init", "exit"));
            }
            // The order is ours: a sort that keeps ties as they were registered.
            order.sort(Comparator.comparing(pair -> pairs.get(pair).get("priority").getAsInt()));
        }

        /** Opens the pairs from a place in the order on, each in the block of the one before. */
        Object open(int at) throws Exception {
            if (at == order.size()) {
                told.add("live");
                return unload.take();
            }
            try (AutoCloseable resource = make(order.get(at))) {
                return open(at + 1);
            }
        }

        /** Calls an init. Without an exit the resource is null, which Java does not close. */
        AutoCloseable make(int pair) throws Exception {
            call("init", pair);
            return pairs.get(pair).has("exit") ? () -> call("exit", pair) : null;
        }

        void call(String half, int pair) throws Exception {
            if (!pairs.get(pair).has(half)) return;
            calls.add(json("{'half':%s,'module':%d,'pair':%d}", half, modules.indexOf(this), pair));
            JsonObject end = only(pairs.get(pair).get(half), "end").getAsJsonObject("end");
            String report = "{'pair':%d,'failure':{".formatted(pair);
            if (end.has("panics")) throw new Exception(report + "'panic':{}}}");
            int code = end.getAsJsonObject("returns").get("code").getAsInt();
            if (half.equals("init") ? code < 0 : code != 0)
                throw new Exception(report + "'code':{'code':%d}}}".formatted(code));
        }

        JsonElement load() throws InterruptedException {
            if (live) return json("{'refused':{'error':'already_loaded'}}");
            new Thread(() -> {
                try {
                    told.add(open(0));
                } catch (Exception failed) {
                    told.add(failed);
                }
            }).start();
            Object end = told.take();
            JsonArray failures = failures(end);
            if (live = end.equals("live")) return json("{'loaded':{}}");
            JsonElement init = failures.remove(0).getAsJsonObject().get("failure");
            return json("{'failed':{'failure':%s,'exits':%s}}", init, failures);
        }

        JsonElement unload() throws InterruptedException {
            if (!live) return json("{'refused':{'error':'not_loaded'}}");
            live = false;
            unload.add("unload");
            return json("{'unloaded':{'exits':%s}}", failures(told.take()));
        }

        JsonElement change(int pair, JsonElement end) {
            if (!pairs.get(pair).has("init")) return null;
            pairs.get(pair).getAsJsonObject("init").add("end", end);
            return json("{'done':{}}");
        }
    }

    static JsonArray failures(Object end) {
        JsonArray failures = new JsonArray();
        if (!(end instanceof Exception failed)) return failures;
        failures.add(json(failed.getMessage()));
        for (Throwable other : failed.getSuppressed()) failures.add(json(other.getMessage()));
        return failures;
    }

    static JsonElement json(String text, Object... values) {
        return JsonParser.parseString(values.length == 0 ? text : text.formatted(values));
    }

    static JsonObject only(JsonElement value, String... known) {
        for (String name : value.getAsJsonObject().keySet())
            if (!Set.of(known).contains(name)) throw new IllegalArgumentException("field " + name);
        return value.getAsJsonObject();
    }

    static JsonElement step(String kind, JsonObject fields) throws InterruptedException {
        Module module = modules.get(only(fields, "module", "pair", "end").get("module").getAsInt());
        calls = new JsonArray();
        JsonElement answer = switch (kind) {
            case "load" -> module.load();
            case "unload" -> module.unload();
            case "break" -> module.change(fields.get("pair").getAsInt(), fields.get("end"));
            case "repair" -> module.change(fields.get("pair").getAsInt(), json(SUCCESS));
            default -> throw new IllegalArgumentException("op " + kind);
        };
        if (answer == null) return json("{'skipped':{}}");
        JsonArray left = new JsonArray();
        for (Module one : modules) left.add(json("{'state':'%s'}", one.live ? "live" : "unloaded"));
        return json("{'done':{'calls':%s,'answer':%s,'left':%s}}", calls, answer, left);
    }

    static JsonElement run(JsonObject request) throws InterruptedException {
        modules = new ArrayList<>();
        JsonObject setup = only(request.get("setup"), "modules", "twin");
        for (JsonElement plan : setup.getAsJsonArray("modules")) modules.add(new Module(plan));
        JsonArray events = new JsonArray();
        for (JsonElement op : request.getAsJsonArray("ops"))
            for (String kind : op.getAsJsonObject().keySet())
                events.add(step(kind, op.getAsJsonObject().getAsJsonObject(kind)));
        for (Module module : modules) module.unload();
        return json("{'id':%s,'events':%s}", request.get("id"), events);
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        JsonElement greeting = json(input.readLine());
        if (!greeting.equals(json("{'lawbook':1,'mechanism':'init'}")))
            throw new IllegalArgumentException("expected version 1 and init, found " + greeting);
        String about = "{'lawbook':1,'mechanism':'init','name':'%s','version':'%s','profile':%s}";
        System.out.println(json(about, "java-try-with-resources", Runtime.version(), PROFILE));
        for (String line; (line = input.readLine()) != null;)
            System.out.println(run(only(json(line), "id", "setup", "ops")));
    }
}
